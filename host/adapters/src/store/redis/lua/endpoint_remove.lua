-- Forgets a named endpoint. 0: there was none.
-- KEYS 1 endpoints 2 state of them; ARGV 2 id 3 token
-- This very call: its answer was lost.
if redis.call('HGET', KEYS[2], 'removed') == ARGV[3] then return 1 end
if redis.call('HDEL', KEYS[1], ARGV[2]) == 0 then return 0 end
redis.call('HINCRBY', KEYS[2], 'revision', 1)
redis.call('HSET', KEYS[2], 'removed', ARGV[3])
return 1
