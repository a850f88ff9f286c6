-- Takes due keys of a bucket under leases, and says when the next comes due.
-- KEYS 1 due 2 ready 3 ranks 4 leases 5 fences
-- ARGV 2 most keys to take 3 lease, milliseconds 4 highest rank to take, or empty 5 most keys made ready in one call
-- 6 fence of the keys that are taken, or empty: the number of each key's claims
local due = redis.call('ZRANGE', KEYS[1], '-inf', exact(now), 'BYSCORE', 'LIMIT', 0, ARGV[5], 'WITHSCORES')
for index = 1, #due, 2 do
    redis.call('ZADD', KEYS[2], redis.call('HGET', KEYS[3], due[index]) or due[index + 1], due[index])
    redis.call('ZREM', KEYS[1], due[index])
end
local taken, max, limit = {}, tonumber(ARGV[2]), tonumber(ARGV[4])
if max > 0 then
    local ready = redis.call('ZRANGE', KEYS[2], 0, max - 1, 'WITHSCORES')
    for index = 1, #ready, 2 do
        local key = ready[index]
        if limit and tonumber(ready[index + 1]) > limit then break end
        redis.call('ZREM', KEYS[2], key)
        redis.call('ZADD', KEYS[1], exact(now + tonumber(ARGV[3])), key)
        local fence = ARGV[6] ~= '' and ARGV[6] or redis.call('HINCRBY', KEYS[5], key, 1)
        redis.call('HSET', KEYS[4], key, fence)
        taken[#taken + 1] = key
        taken[#taken + 1] = tostring(fence)
    end
end
local head = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
local next = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
return { exact(now), head[2] or '', next[2] or '', taken }
