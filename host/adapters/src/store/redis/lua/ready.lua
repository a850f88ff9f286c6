-- A key that is due lies in two sets: by rank, and beside that a cursor by its lane, a task by since when it is due.
local function beside(key, since)
    local lane = string.match(key, '^[^/]*/([^#]*)')
    if lane then return '0', lane .. '\n' .. key end
    return since, key
end
local function make_ready(ready, aside, key, rank, since)
    local score, member = beside(key, since)
    redis.call('ZADD', ready, rank, key)
    redis.call('ZADD', aside, score, member)
end
-- Says whether it was there.
local function unready(ready, aside, key)
    if redis.call('ZREM', ready, key) == 0 then return false end
    local _, member = beside(key, '')
    redis.call('ZREM', aside, member)
    return true
end
-- Makes those ready that have come due, `max` at most. Says how many.
local function collect(due, ready, aside, ranks, max)
    local came = redis.call('ZRANGE', due, '-inf', exact(now), 'BYSCORE', 'LIMIT', 0, max, 'WITHSCORES')
    for index = 1, #came, 2 do
        local key, since = came[index], came[index + 1]
        make_ready(ready, aside, key, ranks and redis.call('HGET', ranks, key) or since, since)
        redis.call('ZREM', due, key)
    end
    return #came / 2
end
