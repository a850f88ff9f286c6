-- Makes a key due now that is scheduled for later and is not leased. Answers where it is scheduled now; empty where it is not.
local key = args.key
if redis.call('HEXISTS', keys.leases, key) == 1 then return '' end
-- It is due already, perhaps because of the same call, whose answer was lost.
if redis.call('ZSCORE', keys.ready, key) then return 'u' end
if not redis.call('ZSCORE', keys.due, key) then return '' end
local rank = redis.call('HGET', keys.ranks, key) or exact(now)
return reschedule(keys.due, keys.ready, keys.beside, keys.leases, key, 0, rank, args.channel, args.wake)
