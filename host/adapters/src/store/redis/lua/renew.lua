-- Makes a lease last from now on.
-- KEYS 1 due 2 ready 3 leases 4 beside; ARGV 2 key 3 fence 4 lease, milliseconds
if redis.call('HGET', KEYS[3], ARGV[2]) ~= ARGV[3] then return '' end
local ends = exact(now + tonumber(ARGV[4]))
unready(KEYS[2], KEYS[4], ARGV[2])
redis.call('ZADD', KEYS[1], ends, ARGV[2])
return ends
