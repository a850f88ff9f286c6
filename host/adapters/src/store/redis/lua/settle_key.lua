-- Confirms the reservation of an idempotency key, or removes it.
if redis.call('HGET', keys.idempotency, 'task') ~= args.task then return 0 end
if args.accepted == '1' then return redis.call('HSET', keys.idempotency, 'accepted', '1') end
return redis.call('DEL', keys.idempotency)
