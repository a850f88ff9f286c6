-- How full a queue is.
-- KEYS 1 due 2 ready 3 leases
local due = redis.call('ZCARD', KEYS[2]) + redis.call('ZCOUNT', KEYS[1], '-inf', exact(now))
local later, leased = redis.call('ZCOUNT', KEYS[1], '(' .. exact(now), '+inf'), 0
for _, key in ipairs(redis.call('HKEYS', KEYS[3])) do
    local ends = redis.call('ZSCORE', KEYS[1], key)
    if ends and tonumber(ends) > now then leased = leased + 1 end
end
return { due, leased, later - leased }
