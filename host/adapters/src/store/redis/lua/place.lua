-- Ends a key's lease and places it anew; tells the others.
local function place(due, ready, leases, key, delay, rank, channel, wake)
    redis.call('HDEL', leases, key)
    if delay > 0 then
        redis.call('ZREM', ready, key)
        redis.call('ZADD', due, exact(now + delay), key)
        redis.call('PUBLISH', channel, wake .. ' d ' .. exact(now + delay))
        return 'd ' .. exact(now + delay)
    end
    redis.call('ZREM', due, key)
    redis.call('ZADD', ready, rank, key)
    redis.call('PUBLISH', channel, wake .. ' r ' .. rank)
    return 'r ' .. rank
end
