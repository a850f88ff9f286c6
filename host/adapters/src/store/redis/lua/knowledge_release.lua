-- Makes a revision hold its collection's model no longer. Answers how many holders it removed: a pinned one only if asked to.
if args.even_pinned == '0' and redis.call('ZSCORE', keys.holders, args.holder) == 'inf' then return 0 end
local removed = redis.call('ZREM', keys.holders, args.holder)
if redis.call('EXISTS', keys.holders) == 0 then redis.call('DEL', keys.model) end
return removed
