-- Claims a document's id for a task. Answers the task that holds it and the state of its claim; nothing where the claim succeeded.
if args.void_task ~= '' then redis.call('HDEL', keys.claims, args.void_task) end
if redis.call('HEXISTS', keys.claims, args.task) == 1 then return {} end
if args.replaces == '0' then
    -- The newest running task, else the task that completed last.
    local holder, state, newest = false, false, -1
    local claims = redis.call('HGETALL', keys.claims)
    for index = 1, #claims, 2 do
        local number, kind = string.match(claims[index + 1], '^(%d+) (%a+)$')
        local order = tonumber(number)
        if kind == 'running' then order = order + 2 ^ 52 end
        if order > newest then holder, state, newest = claims[index], kind, order end
    end
    if holder then return { holder, state } end
end
redis.call('HSET', keys.claims, args.task, args.number .. ' running')
return {}
