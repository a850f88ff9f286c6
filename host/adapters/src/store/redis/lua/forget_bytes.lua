-- Records that a task's files are about to be deleted, so that it does not run again. Answers whether they may be: not before the
-- task's end.
local status = redis.call('HGET', keys.task, 'status')
if status == 'pending' or status == 'in_progress' then return 0 end
if status then redis.call('HSET', keys.task, 'files_gone', '1') end
forget_bytes(args.id, owner_of(args.id))
return 1
