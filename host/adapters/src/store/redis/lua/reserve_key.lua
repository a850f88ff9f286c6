-- Reserves an idempotency key for a task. Answers the holder where another task has it.
local holder = redis.call('HMGET', keys.idempotency, 'task', 'digest', 'response', 'accepted')
if holder[1] and holder[1] ~= args.task and holder[1] ~= args.void_task then
    holder[5] = tostring(redis.call('PTTL', keys.idempotency))
    return holder
end
if holder[1] ~= args.task then
    redis.call('DEL', keys.idempotency)
    redis.call('HSET', keys.idempotency, 'task', args.task, 'digest', args.digest, 'response', args.response)
    redis.call('PEXPIRE', keys.idempotency, args.kept)
end
return {}
