-- A task with its log, newest event first, and how often it was claimed.
-- KEYS 1 task 2 history 3 fences; ARGV 2 id
local task = redis.call('HMGET', KEYS[1], 'record', 'live')
if not task[1] then return {} end
return { task[1], task[2], redis.call('LRANGE', KEYS[2], 0, -1), redis.call('HGET', KEYS[3], ARGV[2]) or '0' }
