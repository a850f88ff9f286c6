-- Sets a value of a plugin, unless it would hold too much.
-- KEYS 1 values 2 list of keys 3 bytes held; ARGV 1 key 2 value 3 keys at most 4 bytes at most
local there = redis.call('HEXISTS', KEYS[1], ARGV[1])
local held = tonumber(redis.call('GET', KEYS[3]) or '0')
if there == 1 then held = held - #ARGV[1] - redis.call('HSTRLEN', KEYS[1], ARGV[1]) end
held = held + #ARGV[1] + #ARGV[2]
local keys = redis.call('HLEN', KEYS[1]) + 1 - there
if keys > tonumber(ARGV[3]) or held > tonumber(ARGV[4]) then return 'full' end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
-- All of one score: they are in the order of their bytes.
redis.call('ZADD', KEYS[2], 0, ARGV[1])
redis.call('SET', KEYS[3], string.format('%.0f', held))
return 'done'
