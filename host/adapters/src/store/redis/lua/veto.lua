-- Settles whether a task was accepted. Answers its state; a task that is not there can never be stored from now on.
local status = redis.call('HGET', keys.task, 'status')
if status then return status end
redis.call('SET', keys.veto, '1', 'PX', args.kept)
return false
