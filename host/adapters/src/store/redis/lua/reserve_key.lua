-- Reserves an idempotency key for a task, unless another has it.
-- KEYS 1 key; ARGV 2 task 3 digest 4 response 5 milliseconds it is kept 6 task that may be replaced
local holder = redis.call('HMGET', KEYS[1], 'task', 'digest', 'response', 'accepted')
if holder[1] and holder[1] ~= ARGV[2] and holder[1] ~= ARGV[6] then
    holder[5] = tostring(redis.call('PTTL', KEYS[1]))
    return holder
end
if holder[1] ~= ARGV[2] then
    redis.call('DEL', KEYS[1])
    redis.call('HSET', KEYS[1], 'task', ARGV[2], 'digest', ARGV[3], 'response', ARGV[4])
    redis.call('PEXPIRE', KEYS[1], ARGV[5])
end
return {}
