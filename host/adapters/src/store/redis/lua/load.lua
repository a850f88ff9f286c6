-- A task with its log, newest event first.
-- KEYS 1 task 2 history
local task = redis.call('HMGET', KEYS[1], 'record', 'live')
if not task[1] then return {} end
return { task[1], task[2], redis.call('LRANGE', KEYS[2], 0, -1) }
