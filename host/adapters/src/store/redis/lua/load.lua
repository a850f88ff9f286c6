-- A task with its log, newest event first, and how often it was claimed.
local task = redis.call('HMGET', keys.task, 'record', 'live')
if not task[1] then return {} end
return { task[1], task[2], redis.call('LRANGE', keys.history, 0, -1), redis.call('HGET', keys.fences, args.id) or '0' }
