-- Makes a key due that waits and is not leased.
-- KEYS 1 due 2 ready 3 ranks 4 leases 5 beside; ARGV 2 key 3 channel 4 wake
local key = ARGV[2]
if redis.call('HEXISTS', KEYS[4], key) == 1 then return '' end
-- Due already, perhaps by this very call, whose answer was lost.
local rank = redis.call('ZSCORE', KEYS[2], key)
if rank then return 'u' end
if not redis.call('ZSCORE', KEYS[1], key) then return '' end
rank = redis.call('HGET', KEYS[3], key) or exact(now)
return place(KEYS[1], KEYS[2], KEYS[5], KEYS[4], key, 0, rank, ARGV[3], ARGV[4])
