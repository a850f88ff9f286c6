-- Makes a revision its document's content, in the place of the one before.
-- KEYS 1 published so far 2 documents 3 staged 4 ids 5 vectors 6 points 7 nodes 8 edges 9 facts 10… content of the one before
-- ARGV 1 revision 2 document 3 what the document holds, or empty 4 fewest calls that staged 5 revisions remembered
-- 6 milliseconds they are, once the document is empty
if redis.call('LPOS', KEYS[1], ARGV[1]) then return 'done' end
if (redis.call('HGET', KEYS[2], ARGV[2]) or '') ~= ARGV[3] then return 'changed' end
local staged = redis.call('HMGET', KEYS[3], 'points', 'nodes', 'edges', 'facts', 'dimensions', 'calls')
for index = 1, 6 do staged[index] = staged[index] or '0' end
if tonumber(staged[6]) < tonumber(ARGV[4]) then return 'lost' end

for index = 10, #KEYS do redis.call('UNLINK', KEYS[index]) end
redis.call('UNLINK', KEYS[3], KEYS[4])
redis.call('LPUSH', KEYS[1], ARGV[1])
redis.call('LTRIM', KEYS[1], 0, tonumber(ARGV[5]) - 1)
if staged[1] == '0' and staged[2] == '0' and staged[3] == '0' and staged[4] == '0' then
    redis.call('HDEL', KEYS[2], ARGV[2])
    redis.call('PEXPIRE', KEYS[1], ARGV[6])
else
    redis.call('HSET', KEYS[2], ARGV[2], ARGV[1] .. ' ' .. table.concat(staged, ' ', 1, 5))
    for index = 5, 9 do redis.call('PERSIST', KEYS[index]) end
    redis.call('PERSIST', KEYS[1])
end
return 'done'
