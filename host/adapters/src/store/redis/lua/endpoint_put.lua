-- Stores a named endpoint in the place of its version before.
-- KEYS 1 endpoints 2 state of them; ARGV 2 id 3 token 4 version 5 JSON 6 endpoints at most
local stored = redis.call('HGET', KEYS[1], ARGV[2])
local version, token = string.match(stored or '0 -', '^(%S+) (%S+)')
-- This very call: its answer was lost.
if token == ARGV[3] then return 'done' end
if tonumber(ARGV[4]) ~= tonumber(version) + 1 then return 'stale' end
if not stored and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[6]) then return 'full' end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[4] .. ' ' .. ARGV[3] .. ' ' .. ARGV[5])
redis.call('HINCRBY', KEYS[2], 'revision', 1)
return 'done'
