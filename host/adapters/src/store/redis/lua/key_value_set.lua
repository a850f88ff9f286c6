-- Sets a value of a plugin. Answers 'done', or 'full' where the plugin would hold too much.
local exists = redis.call('HEXISTS', keys.values, args.key)
local held = tonumber(redis.call('GET', keys.bytes) or '0')
if exists == 1 then held = held - #args.key - redis.call('HSTRLEN', keys.values, args.key) end
held = held + #args.key + #args.value
local count = redis.call('HLEN', keys.values) + 1 - exists
if count > tonumber(args.keys_max) or held > tonumber(args.bytes_max) then return 'full' end
redis.call('HSET', keys.values, args.key, args.value)
-- All have the same score, so they are in the order of their bytes.
redis.call('ZADD', keys.list, 0, args.key)
redis.call('SET', keys.bytes, string.format('%.0f', held))
return 'done'
