-- Settles whether a task was accepted: from now on it is, or never will be.
-- KEYS 1 task 2 veto; ARGV 2 milliseconds a veto is kept
local status = redis.call('HGET', KEYS[1], 'status')
if status then return status end
redis.call('SET', KEYS[2], '1', 'PX', ARGV[2])
return false
