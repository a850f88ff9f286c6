-- Forgets a named endpoint. 0: there was none.
-- KEYS 1 endpoints 2 state of them 3 creators; ARGV 2 id 3 token
-- This very call: its answer was lost.
if redis.call('HGET', KEYS[2], 'removed') == ARGV[3] then return 1 end
local is_noted = creators_are_noted()
if redis.call('HDEL', KEYS[1], ARGV[2]) == 0 then return 0 end
local revision = redis.call('HINCRBY', KEYS[2], 'revision', 1)
redis.call('HSET', KEYS[2], 'removed', ARGV[3])
if is_noted then
    redis.call('HDEL', KEYS[3], ARGV[2])
    redis.call('HSET', KEYS[2], 'creators_revision', revision)
end
return 1
