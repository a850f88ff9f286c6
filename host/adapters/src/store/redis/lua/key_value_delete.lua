-- Removes a key of a plugin. 0: there was none.
-- KEYS 1 values 2 list of keys 3 bytes held; ARGV 1 key
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
local size = #ARGV[1] + redis.call('HSTRLEN', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
if redis.call('DECRBY', KEYS[3], size) <= 0 then redis.call('DEL', KEYS[3]) end
return 1
