-- A task's files are about to be deleted: it does not run again. Says whether they may be, which they may not before its end.
-- KEYS 1 task 2 owners 3 bytes of each task 4 bytes of each tenant; ARGV 2 id
local status = redis.call('HGET', KEYS[1], 'status')
if status == 'pending' or status == 'in_progress' then return 0 end
if status then redis.call('HSET', KEYS[1], 'files_gone', '1') end
forget_bytes(KEYS[3], KEYS[4], ARGV[2], owner_of(KEYS[1], KEYS[2], ARGV[2]))
return 1
