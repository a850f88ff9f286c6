-- Bytes of a task's files, with the sum of its tenant's. Keys: bytes of each task, bytes of each tenant.
local function add_bytes(tasks, tenants, id, tenant, bytes)
    if bytes == '0' then return end
    redis.call('HINCRBY', tasks, id, bytes)
    redis.call('HINCRBY', tenants, tenant or 'default', bytes)
end
local function forget_bytes(tasks, tenants, id, tenant)
    local bytes = redis.call('HGET', tasks, id)
    if not bytes then return end
    redis.call('HDEL', tasks, id)
    tenant = tenant or 'default'
    -- Of one that has nothing more there is no field, and of none no key.
    if redis.call('HINCRBY', tenants, tenant, '-' .. bytes) <= 0 then redis.call('HDEL', tenants, tenant) end
end
