-- Makes a revision hold its collection's model until it is replaced. Answers 0 where it does not hold the model any more.
local till = redis.call('ZSCORE', keys.holders, args.holder)
if not till or (till ~= 'inf' and tonumber(till) <= now) then return 0 end
redis.call('ZADD', keys.holders, '+inf', args.holder)
return 1
