-- Bytes of a task's files, and their sum over the tenant's tasks.
local function add_bytes(id, tenant, bytes)
    if bytes == '0' then return end
    redis.call('HINCRBY', keys.task_bytes, id, bytes)
    redis.call('HINCRBY', keys.tenant_bytes, tenant or 'default', bytes)
end
local function forget_bytes(id, tenant)
    local bytes = redis.call('HGET', keys.task_bytes, id)
    if not bytes then return end
    redis.call('HDEL', keys.task_bytes, id)
    tenant = tenant or 'default'
    -- A tenant without any bytes has no field.
    if redis.call('HINCRBY', keys.tenant_bytes, tenant, '-' .. bytes) <= 0 then redis.call('HDEL', keys.tenant_bytes, tenant) end
end
