-- Moves keys whose time has come from `due` to `ready`, `max` at most. Returns how many it moved. Without `ranks`, a key's rank is
-- the time since which it is due.
local function collect(due, ready, beside, ranks, max)
    local moved = redis.call('ZRANGE', due, '-inf', exact(now), 'BYSCORE', 'LIMIT', 0, max, 'WITHSCORES')
    for index = 1, #moved, 2 do
        local key, since = moved[index], moved[index + 1]
        make_ready(ready, beside, key, ranks and redis.call('HGET', ranks, key) or since, since)
        redis.call('ZREM', due, key)
    end
    return #moved / 2
end
