-- A due key is in two sorted sets: `ready` by rank, and `beside`, which orders a cursor by its lane and a task by the time since
-- which it is due.
local function beside_entry(key, since)
    local lane = string.match(key, '^[^/]*/([^#]*)')
    if lane then return '0', lane .. '\n' .. key end
    return since, key
end
local function make_ready(ready, beside, key, rank, since)
    local score, member = beside_entry(key, since)
    redis.call('ZADD', ready, rank, key)
    redis.call('ZADD', beside, score, member)
end
-- Returns whether the key was there.
local function unready(ready, beside, key)
    if redis.call('ZREM', ready, key) == 0 then return false end
    local _, member = beside_entry(key, '')
    redis.call('ZREM', beside, member)
    return true
end
