-- Makes a revision hold its collection's model until it is replaced. 0: it holds it no longer.
-- KEYS 1 holders; ARGV 2 holder
local till = redis.call('ZSCORE', KEYS[1], ARGV[2])
if not till or (till ~= 'inf' and tonumber(till) <= now) then return 0 end
redis.call('ZADD', KEYS[1], '+inf', ARGV[2])
return 1
