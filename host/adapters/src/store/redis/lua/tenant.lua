-- Whose a task is, nothing where it is the default tenant's: as the task itself says. `owners` says it once that has expired, and
-- of tasks that were stored before they said so.
local function owner_of(task, owners, id)
    return redis.call('HGET', task, 'tenant') or redis.call('HGET', owners, id)
end
-- Name of a tenant's own list beside that of the default tenant, in the same slot.
local function owned(list, tenant)
    if tenant then return list .. ':@' .. tenant end
    return list
end
