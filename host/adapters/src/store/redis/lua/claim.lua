-- Takes due tasks of a bucket under leases. Answers the time, the lowest rank that is left, when the next task comes due, and the
-- tasks taken.
collect(keys.due, keys.ready, keys.since, keys.ranks, args.collected_max)
local taken, max, limit = {}, tonumber(args.max), tonumber(args.rank_max)
if max > 0 then
    local ready = redis.call('ZRANGE', keys.ready, 0, max - 1, 'WITHSCORES')
    for index = 1, #ready, 2 do
        local key = ready[index]
        if limit and tonumber(ready[index + 1]) > limit then break end
        -- Writes that need memory come first: a full Redis refuses the script here, before anything has changed. A task that cannot
        -- be worked on must not be claimed again and again, until it counts as one that kills its workers.
        redis.call('ZADD', keys.due, exact(now + tonumber(args.lease)), key)
        redis.call('HINCRBY', keys.fences, key, 1)
        redis.call('HSET', keys.leases, key, args.fence)
        unready(keys.ready, keys.since, key)
        taken[#taken + 1] = key
    end
end
local head = redis.call('ZRANGE', keys.ready, 0, 0, 'WITHSCORES')
local next = redis.call('ZRANGE', keys.due, 0, 0, 'WITHSCORES')
return { exact(now), head[2] or '', next[2] or '', taken }
