-- Gives a key back.
-- KEYS 1 due 2 ready 3 ranks 4 leases 5 beside; ARGV 2 key 3 fence 4 delay, milliseconds 5 channel 6 wake
if redis.call('HGET', KEYS[4], ARGV[2]) ~= ARGV[3] then return '' end
local rank = redis.call('HGET', KEYS[3], ARGV[2]) or exact(now)
return place(KEYS[1], KEYS[2], KEYS[5], KEYS[4], ARGV[2], tonumber(ARGV[4]), rank, ARGV[5], ARGV[6])
