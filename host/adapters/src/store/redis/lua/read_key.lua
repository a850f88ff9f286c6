-- The holder of an idempotency key, and for how many milliseconds the key is still remembered.
local holder = redis.call('HMGET', keys.idempotency, 'task', 'digest', 'response', 'accepted')
holder[5] = tostring(redis.call('PTTL', keys.idempotency))
return holder
