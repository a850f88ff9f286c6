-- Stores a task, its cursors and its place in the due-queue.
-- KEYS 1 task 2 veto 3 cursors 4 ready 5 ranks 6 tasks 7 pending 8 since 9 owners 10 bytes of each task 11 of each tenant;
-- 6 and 7 are the tenant's own
-- ARGV 2 id 3 record 4 document 5 number 6 rank 7 channel 8 wake 9 summary 10 credentials, or empty 11 tenant, empty for the
-- default one 12 bytes of what was submitted 13… cursors
local id, rank = ARGV[2], ARGV[6]
if redis.call('EXISTS', KEYS[1]) == 1 then return 'there' end
if redis.call('EXISTS', KEYS[2]) == 1 then return 'vetoed' end
redis.call('HSET', KEYS[1], 'record', ARGV[3], 'summary', ARGV[9], 'document', ARGV[4], 'number', ARGV[5], 'rank', rank,
    'status', 'pending', 'progress', '0', 'live', '0', 'last', '0', 'running', '')
if ARGV[10] ~= '' then redis.call('HSET', KEYS[1], 'credentials', ARGV[10]) end
local tenant = ARGV[11] ~= '' and ARGV[11]
if tenant then
    redis.call('HSET', KEYS[1], 'tenant', tenant)
    redis.call('HSET', KEYS[9], id, tenant)
end
add_bytes(KEYS[10], KEYS[11], id, tenant, ARGV[12])
for index = 13, #ARGV do
    redis.call('HSET', KEYS[3], ARGV[index], '1 1 0 - -')
end
redis.call('HSET', KEYS[5], id, rank)
make_ready(KEYS[4], KEYS[8], id, rank, exact(now))
redis.call('ZADD', KEYS[6], ARGV[5], id)
redis.call('ZADD', KEYS[7], ARGV[5], id)
redis.call('PUBLISH', ARGV[7], ARGV[8] .. ' r ' .. rank)
return 'new'
