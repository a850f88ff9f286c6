-- Ends a key's lease and places it anew; tells the others.
local function place(due, ready, aside, leases, key, delay, rank, channel, wake)
    redis.call('HDEL', leases, key)
    local hint
    if delay > 0 then
        unready(ready, aside, key)
        redis.call('ZADD', due, exact(now + delay), key)
        hint = 'd ' .. exact(now + delay)
    else
        redis.call('ZREM', due, key)
        make_ready(ready, aside, key, rank, exact(now))
        local is_cursor = string.find(key, '/', 1, true)
        hint = is_cursor and 'k ' .. rank .. ' ' .. key or 'r ' .. rank
    end
    redis.call('PUBLISH', channel, wake .. ' ' .. hint)
    return hint
end
