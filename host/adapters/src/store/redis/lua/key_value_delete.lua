-- Removes a key of a plugin. Answers 0 where there was none.
if redis.call('HEXISTS', keys.values, args.key) == 0 then return 0 end
local size = #args.key + redis.call('HSTRLEN', keys.values, args.key)
redis.call('HDEL', keys.values, args.key)
redis.call('ZREM', keys.list, args.key)
if redis.call('DECRBY', keys.bytes, size) <= 0 then redis.call('DEL', keys.bytes) end
return 1
