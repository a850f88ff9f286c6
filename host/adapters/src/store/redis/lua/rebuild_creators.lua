-- Records the creators of all endpoints anew.
local function rebuild_creators()
    local revision = redis.call('HGET', keys.state, 'revision') or '0'
    -- Before anything is deleted: a full Redis refuses the script at the first write that needs memory.
    redis.call('HSET', keys.state, 'creators_revision', revision)
    redis.call('DEL', keys.creators)
    local endpoints = redis.call('HGETALL', keys.endpoints)
    for index = 1, #endpoints, 2 do
        local stored = cjson.decode(string.match(endpoints[index + 1], '^%S+ %S+ (.*)$'))
        local creator = type(stored.created_by) == 'string' and stored.created_by or ''
        redis.call('HSET', keys.creators, endpoints[index], stored.sealed == '' and '-' or '+' .. creator)
    end
end
