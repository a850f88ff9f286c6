-- Who created the endpoints: id to '+' and the creator, '-' where it does not count: what has nothing sealed is no more than the
-- state of one that a morag.toml has. So that they are counted without reading up to 60 MB of endpoints.
-- KEYS 2 state of the endpoints 3 creators

-- Whether what is noted is of the endpoints as they are. A process of an earlier version changes them and notes nothing, but raises
-- their revision.
local function creators_are_noted()
    local state = redis.call('HMGET', KEYS[2], 'revision', 'creators_revision')
    return state[2] and state[1] == state[2]
end

-- Notes all of them anew. KEYS 1 endpoints
local function note_creators()
    local revision = redis.call('HGET', KEYS[2], 'revision') or '0'
    -- Before anything is deleted: a full Redis takes no more, and says so at the first that takes room.
    redis.call('HSET', KEYS[2], 'creators_revision', revision)
    redis.call('DEL', KEYS[3])
    local endpoints = redis.call('HGETALL', KEYS[1])
    for index = 1, #endpoints, 2 do
        local known = cjson.decode(string.match(endpoints[index + 1], '^%S+ %S+ (.*)$'))
        local creator = type(known.created_by) == 'string' and known.created_by or ''
        redis.call('HSET', KEYS[3], endpoints[index], known.sealed == '' and '-' or '+' .. creator)
    end
end

