-- Stores a named endpoint in the place of its version before.
-- KEYS 1 endpoints 2 state of them; ARGV 2 id 3 token 4 version 5 JSON 6 endpoints at most; of one that a caller creates 7 who that
-- is 8 endpoints of theirs at most 9 of the tenant at most, or empty 10 what the tenant's ids begin with, empty for the default one
local stored = redis.call('HGET', KEYS[1], ARGV[2])
local version, token = string.match(stored or '0 -', '^(%S+) (%S+)')
-- This very call: its answer was lost.
if token == ARGV[3] then return 'done' end
if tonumber(ARGV[4]) ~= tonumber(version) + 1 then return 'stale' end
if not stored and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[6]) then return 'full' end
if ARGV[7] then
    local all, own, of_tenant, prefix = 0, 0, 0, ARGV[10]
    local endpoints = redis.call('HGETALL', KEYS[1])
    for index = 1, #endpoints, 2 do
        local id, known = endpoints[index], cjson.decode(string.match(endpoints[index + 1], '^%S+ %S+ (.*)$'))
        -- What has nothing sealed is no more than the state of one that a morag.toml has.
        if known.sealed ~= '' then
            all = all + 1
            if (known.created_by or '') == ARGV[7] then own = own + 1 end
            local is_of_tenant = string.sub(id, 1, #prefix) == prefix
            if prefix == '' then is_of_tenant = not string.find(id, '.', 1, true) end
            if is_of_tenant then of_tenant = of_tenant + 1 end
        end
    end
    if own >= tonumber(ARGV[8]) or own >= tonumber(ARGV[6]) - all then return 'share ' .. own .. ' ' .. all end
    if ARGV[9] ~= '' and of_tenant >= tonumber(ARGV[9]) then return 'quota' end
end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[4] .. ' ' .. ARGV[3] .. ' ' .. ARGV[5])
redis.call('HINCRBY', KEYS[2], 'revision', 1)
return 'done'
