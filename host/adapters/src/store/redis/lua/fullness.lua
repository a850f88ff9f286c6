-- How full a queue is, and since when its oldest key is due.
-- KEYS 1 due 2 ready 3 leases 4 since when keys are due
local due = redis.call('ZCARD', KEYS[2]) + redis.call('ZCOUNT', KEYS[1], '-inf', exact(now))
local later, leased = redis.call('ZCOUNT', KEYS[1], '(' .. exact(now), '+inf'), 0
for _, key in ipairs(redis.call('HKEYS', KEYS[3])) do
    local ends = redis.call('ZSCORE', KEYS[1], key)
    if ends and tonumber(ends) > now then leased = leased + 1 end
end
local waited = 0
for index = 1, 4, 3 do
    local oldest = redis.call('ZRANGE', KEYS[index], 0, 0, 'WITHSCORES')[2]
    if oldest then waited = math.max(waited, now - tonumber(oldest)) end
end
return { due, leased, later - leased, waited }
