-- Who has an idempotency key, and how long it is kept yet, milliseconds.
-- KEYS 1 key
local holder = redis.call('HMGET', KEYS[1], 'task', 'digest', 'response', 'accepted')
holder[5] = tostring(redis.call('PTTL', KEYS[1]))
return holder
