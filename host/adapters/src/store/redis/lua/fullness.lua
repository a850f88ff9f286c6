-- Numbers of due, leased and later keys of a queue, and for how many milliseconds its oldest key is due.
local due = redis.call('ZCARD', keys.ready) + redis.call('ZCOUNT', keys.due, '-inf', exact(now))
local later, leased = redis.call('ZCOUNT', keys.due, '(' .. exact(now), '+inf'), 0
for _, key in ipairs(redis.call('HKEYS', keys.leases)) do
    local ends = redis.call('ZSCORE', keys.due, key)
    if ends and tonumber(ends) > now then leased = leased + 1 end
end
local waited = 0
for _, set in ipairs({ keys.due, keys.since }) do
    local oldest = redis.call('ZRANGE', set, 0, 0, 'WITHSCORES')[2]
    if oldest then waited = math.max(waited, now - tonumber(oldest)) end
end
return { due, leased, later - leased, waited }
