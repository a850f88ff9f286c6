-- Forgets an ended task with all it had, unless something is still to be delivered.
-- KEYS 1 task 2 history 3 cursors 4 deliveries 5 attempts, 6 due 7 ready 8 ranks 9 leases 10 fences of tasks, 11 due 12 ready
-- 13 leases of deliveries, 14 recent 15 ended 16 tasks 17… tasks in each state 22 since when tasks are due 23 parked 24 owners
-- 25 bytes of each task 26 of each tenant, 27… deliveries of its named endpoints
-- ARGV 2 id 3… deliveries as they are listed there
local id = ARGV[2]
-- It may run again since it was found among those that have ended.
local status = redis.call('HGET', KEYS[1], 'status')
if status == 'pending' or status == 'in_progress' then return 0 end
local endpoints = redis.call('HKEYS', KEYS[3])
for _, endpoint in ipairs(endpoints) do
    local key = id .. '/' .. endpoint
    if redis.call('ZSCORE', KEYS[11], key) or redis.call('ZSCORE', KEYS[12], key) then return 0 end
end
for _, endpoint in ipairs(endpoints) do
    redis.call('HDEL', KEYS[13], id .. '/' .. endpoint)
end
local tenant = owner_of(KEYS[1], KEYS[24], id)
local recent = owned(KEYS[14], tenant)
for sequence = 1, tonumber(redis.call('HGET', KEYS[1], 'last') or '0') do
    redis.call('ZREM', recent, id .. '/' .. string.format('%06d', sequence))
end
for index = 1, 5 do redis.call('DEL', KEYS[index]) end
redis.call('ZREM', KEYS[6], id)
unready(KEYS[7], KEYS[22], id)
for index = 8, 10 do redis.call('HDEL', KEYS[index], id) end
redis.call('ZREM', KEYS[15], id)
for index = 16, 21 do redis.call('ZREM', owned(KEYS[index], tenant), id) end
forget_bytes(KEYS[25], KEYS[26], id, tenant)
redis.call('HDEL', KEYS[24], id)
-- All that begins with the id and a slash: the sign after that is 0.
redis.call('ZREMRANGEBYLEX', KEYS[23], '[' .. id .. '/', '(' .. id .. '0')
for index = 27, #KEYS do
    for from = 3, #ARGV, 1000 do
        redis.call('ZREM', KEYS[index], unpack(ARGV, from, math.min(from + 999, #ARGV)))
    end
end
return 1
