-- Ends a task's place in the chain. Says whose turn it is now.
-- KEYS 1 chain; ARGV 2 task 3 its deliveries, or empty: as many as are known of 4 milliseconds the chain is kept
local at = tonumber(redis.call('HGET', chain, 't/' .. ARGV[2]))
if at then
    local own = link(at)
    local known = redis.call('HGET', chain, 's/' .. ARGV[2]) or '0'
    own.base, own.delivered = own.base or total(at), tonumber(ARGV[3]) or tonumber(known)
    keep(at, own)
    redis.call('HDEL', chain, 't/' .. ARGV[2], 's/' .. ARGV[2])
    redis.call('PEXPIRE', chain, ARGV[4])
end
local first = head()
return first and first.task or ''
