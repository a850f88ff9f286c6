-- Takes due tasks of a bucket under leases, and says when the next comes due.
-- KEYS 1 due 2 ready 3 ranks 4 leases 5 fences 6 since
-- ARGV 2 most keys to take 3 lease, milliseconds 4 highest rank to take, or empty 5 most keys made ready in one call 6 fence
-- of what is taken
collect(KEYS[1], KEYS[2], KEYS[6], KEYS[3], ARGV[5])
local taken, max, limit = {}, tonumber(ARGV[2]), tonumber(ARGV[4])
if max > 0 then
    local ready = redis.call('ZRANGE', KEYS[2], 0, max - 1, 'WITHSCORES')
    for index = 1, #ready, 2 do
        local key = ready[index]
        if limit and tonumber(ready[index + 1]) > limit then break end
        -- First what needs memory: a Redis without any refuses here, before anything has changed. A task that cannot be worked
        -- on must not be claimed, again and again, until it is taken for one that kills its workers.
        redis.call('ZADD', KEYS[1], exact(now + tonumber(ARGV[3])), key)
        redis.call('HINCRBY', KEYS[5], key, 1)
        redis.call('HSET', KEYS[4], key, ARGV[6])
        unready(KEYS[2], KEYS[6], key)
        taken[#taken + 1] = key
    end
end
local head = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
local next = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
return { exact(now), head[2] or '', next[2] or '', taken }
