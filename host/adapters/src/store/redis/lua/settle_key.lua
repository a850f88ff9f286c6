-- Confirms the reservation of an idempotency key, or gives it up.
-- KEYS 1 key; ARGV 2 task 3 whether it was accepted: 1 or 0
if redis.call('HGET', KEYS[1], 'task') ~= ARGV[2] then return 0 end
if ARGV[3] == '1' then return redis.call('HSET', KEYS[1], 'accepted', '1') end
return redis.call('DEL', KEYS[1])
