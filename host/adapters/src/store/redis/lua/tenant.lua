-- The tenant of a task; nil for the default tenant. The task itself says it. `owners` says it for a task that has expired, and for
-- tasks that were stored by versions whose tasks did not say it.
local function owner_of(id)
    return redis.call('HGET', keys.task, 'tenant') or redis.call('HGET', keys.owners, id)
end
-- The name of a tenant's own list, in the same slot as that of the default tenant.
local function owned(list, tenant)
    if tenant then return list .. ':@' .. tenant end
    return list
end
