-- Makes a lease last from now on. Answers when it ends; empty where the caller does not hold it.
if redis.call('HGET', keys.leases, args.key) ~= args.fence then return '' end
local ends = exact(now + tonumber(args.lease))
unready(keys.ready, keys.beside, args.key)
redis.call('ZADD', keys.due, ends, args.key)
return ends
