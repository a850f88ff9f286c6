-- Makes a parked cursor due. Answers whether it was parked, and where its key is scheduled now.
local cursor = redis.call('HGET', keys.cursors, args.cursor)
local position, last_token, rest = string.match(cursor or '', '^(%S+ %S+ %S+) (%S+) %S+(.*)$')
-- The same call was made before, and its answer was lost.
if last_token == args.token then return { 1, 'u' } end
if redis.call('ZREM', keys.parked, args.key) == 0 or not cursor then return { 0, '' } end
redis.call('HSET', keys.cursors, args.cursor, position .. ' ' .. args.token .. ' idle' .. rest)
each_task_key('PERSIST')
return { 1, reschedule(keys.delivery_due, keys.delivery_ready, keys.lanes, keys.delivery_leases, args.key, 0, exact(now), args.channel,
    args.wake) }
