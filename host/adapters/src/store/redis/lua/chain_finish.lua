-- Ends a task's place in the chain. Says whose turn it is now.
-- KEYS 1 chain; ARGV 2 task 3 its deliveries 4 milliseconds the chain is kept
local at = tonumber(redis.call('HGET', chain, 't/' .. ARGV[2]))
if at then
    local own = link(at)
    -- One that is gone without a word ends where the one before it ended, or where its turn had begun.
    own.base, own.delivered = own.base or total(at), tonumber(ARGV[3])
    keep(at, own)
    redis.call('HDEL', chain, 't/' .. ARGV[2])
    redis.call('PEXPIRE', chain, ARGV[4])
end
local first = head()
return first and first.task or ''
