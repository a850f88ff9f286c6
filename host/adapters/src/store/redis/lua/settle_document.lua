-- Settles the claim of a task that has ended: a completed one keeps it, in the place of the one before.
-- KEYS 1 claims; ARGV 2 task 3 whether it completed: 1 or 0 4 its number, or empty
local mine = redis.call('HGET', KEYS[1], ARGV[2])
if ARGV[3] == '0' then return mine and redis.call('HDEL', KEYS[1], ARGV[2]) or 0 end
if mine and string.match(mine, 'completed$') then return 0 end
local claims = redis.call('HGETALL', KEYS[1])
if not mine then
    -- A later task has the document, or a failover has lost the claim: then it is made again.
    if ARGV[4] == '' then return 0 end
    for index = 2, #claims, 2 do
        local number, kind = string.match(claims[index], '^(%d+) (%a+)$')
        if kind == 'completed' and tonumber(number) >= tonumber(ARGV[4]) then return 0 end
    end
    mine = ARGV[4] .. ' running'
end
for index = 1, #claims, 2 do
    if string.match(claims[index + 1], 'completed$') then redis.call('HDEL', KEYS[1], claims[index]) end
end
return redis.call('HSET', KEYS[1], ARGV[2], string.match(mine, '^%d+') .. ' completed')
