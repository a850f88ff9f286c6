-- Ends a key's lease, schedules the key after `delay` milliseconds, and publishes that. Returns the update that it published.
local function reschedule(due, ready, beside, leases, key, delay, rank, channel, wake)
    redis.call('HDEL', leases, key)
    local update
    if delay > 0 then
        unready(ready, beside, key)
        redis.call('ZADD', due, exact(now + delay), key)
        update = 'd ' .. exact(now + delay)
    else
        redis.call('ZREM', due, key)
        make_ready(ready, beside, key, rank, exact(now))
        local is_cursor = string.find(key, '/', 1, true)
        update = is_cursor and 'k ' .. rank .. ' ' .. key or 'r ' .. rank
    end
    redis.call('PUBLISH', channel, wake .. ' ' .. update)
    return update
end
