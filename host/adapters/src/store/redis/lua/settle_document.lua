-- Settles the claim of a task that has ended: a completed one keeps it, in the place of the one before.
-- KEYS 1 claims; ARGV 2 task 3 whether it completed: 1 or 0
local mine = redis.call('HGET', KEYS[1], ARGV[2])
if not mine then return 0 end
if ARGV[3] == '0' then return redis.call('HDEL', KEYS[1], ARGV[2]) end
if string.match(mine, 'completed$') then return 0 end
local claims = redis.call('HGETALL', KEYS[1])
for index = 1, #claims, 2 do
    if string.match(claims[index + 1], 'completed$') then redis.call('HDEL', KEYS[1], claims[index]) end
end
return redis.call('HSET', KEYS[1], ARGV[2], string.match(mine, '^%d+') .. ' completed')
