-- Ends a lease and schedules the key after a delay. Answers where it is scheduled now; empty where the caller does not hold it.
if redis.call('HGET', keys.leases, args.key) ~= args.fence then return '' end
local rank = redis.call('HGET', keys.ranks, args.key) or exact(now)
local delay = tonumber(args.delay)
return reschedule(keys.due, keys.ready, keys.beside, keys.leases, args.key, delay, rank, args.channel, args.wake)
