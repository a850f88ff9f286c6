-- Settles the claim of a task that has ended: a completed task keeps it, in place of the task that completed before.
local mine = redis.call('HGET', keys.claims, args.task)
if args.completed == '0' then return mine and redis.call('HDEL', keys.claims, args.task) or 0 end
if mine and string.match(mine, 'completed$') then return 0 end
local claims = redis.call('HGETALL', keys.claims)
if not mine then
    -- Either a later task has the document, or a failover has lost the claim: then it is made again.
    if args.number == '' then return 0 end
    for index = 2, #claims, 2 do
        local number, kind = string.match(claims[index], '^(%d+) (%a+)$')
        if kind == 'completed' and tonumber(number) >= tonumber(args.number) then return 0 end
    end
    mine = args.number .. ' running'
end
for index = 1, #claims, 2 do
    if string.match(claims[index + 1], 'completed$') then redis.call('HDEL', keys.claims, claims[index]) end
end
return redis.call('HSET', keys.claims, args.task, string.match(mine, '^%d+') .. ' completed')
