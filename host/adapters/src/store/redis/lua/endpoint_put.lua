-- Stores a named endpoint in the place of its version before.
-- KEYS 1 endpoints 2 state of them 3 creators; ARGV 2 id 3 token 4 version 5 JSON 6 endpoints at most 7 what is noted of it among the
-- creators; of one that a caller creates 8 who that is 9 endpoints of theirs at most 10 of the tenant at most, or empty 11 what the
-- tenant's ids begin with, empty for the default one
local stored = redis.call('HGET', KEYS[1], ARGV[2])
local version, token = string.match(stored or '0 -', '^(%S+) (%S+)')
-- This very call: its answer was lost.
if token == ARGV[3] then return 'done' end
if tonumber(ARGV[4]) ~= tonumber(version) + 1 then return 'stale' end
if not stored and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[6]) then return 'full' end
local is_noted = creators_are_noted()
if ARGV[8] then
    if not is_noted then
        note_creators()
        is_noted = true
    end
    local all, own, of_tenant, prefix = 0, 0, 0, ARGV[11]
    local noted = redis.call('HGETALL', KEYS[3])
    for index = 1, #noted, 2 do
        local id, creator = noted[index], noted[index + 1]
        if creator ~= '-' then
            all = all + 1
            if creator == '+' .. ARGV[8] then own = own + 1 end
            local is_of_tenant = string.sub(id, 1, #prefix) == prefix
            if prefix == '' then is_of_tenant = not string.find(id, '.', 1, true) end
            if is_of_tenant then of_tenant = of_tenant + 1 end
        end
    end
    if own >= tonumber(ARGV[9]) or own >= tonumber(ARGV[6]) - all then return 'share ' .. own .. ' ' .. all end
    if ARGV[10] ~= '' and of_tenant >= tonumber(ARGV[10]) then return 'quota' end
end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[4] .. ' ' .. ARGV[3] .. ' ' .. ARGV[5])
local revision = redis.call('HINCRBY', KEYS[2], 'revision', 1)
if is_noted then
    redis.call('HSET', KEYS[3], ARGV[2], ARGV[7])
    redis.call('HSET', KEYS[2], 'creators_revision', revision)
end
return 'done'
