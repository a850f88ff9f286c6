-- Gives a task its number and its rank among those that wait (start-time fair queueing).
-- KEYS 1 waiting 2 flows 3 virtual time 4 number 5 days 6 tenants; ARGV 2 name of the place, empty to ask only whether one may
-- enter 3 flow 4 weight 5 most that may wait 6 most of the flow that may wait 7 most of the flow in a day: empty, no limit 8 tenant, empty for
-- the default one 9 whether others share the queue, 1 or 0
local known = redis.call('HGET', KEYS[1], ARGV[2])
if known then
    local rank, number = string.match(known, '^(%S+) (%S+) ')
    return { rank, number }
end
local free = tonumber(ARGV[5]) - redis.call('HLEN', KEYS[1])
if free <= 0 then return { 'full' } end
local virtual = tonumber(redis.call('GET', KEYS[3]) or '0')
local apart, rank, count, finish = 1 / tonumber(ARGV[4]), virtual, 0, '0'
local flow = redis.call('HGET', KEYS[2], ARGV[3])
if flow then
    local waiting, next, last = string.match(flow, '^(%S+) (%S+) (%S+)$')
    count, rank, finish = tonumber(waiting), math.max(virtual, tonumber(next)), last
end
-- It leaves as much as it takes, as `shares` has it.
if ARGV[9] == '1' and count >= free then return { 'share' } end
if ARGV[6] ~= '' and count >= tonumber(ARGV[6]) then return { 'waiting' } end
local of_day
if ARGV[7] ~= '' then
    local today = string.format('%d', math.floor(now / 86400000))
    local day, tasks = string.match(redis.call('HGET', KEYS[5], ARGV[3]) or '', '^(%S+) (%d+)$')
    tasks = day == today and tonumber(tasks) or 0
    if tasks >= tonumber(ARGV[7]) then return { 'day' } end
    of_day = today .. ' ' .. (tasks + 1)
end
if ARGV[2] == '' then return { 'may' } end
if of_day then redis.call('HSET', KEYS[5], ARGV[3], of_day) end
if ARGV[8] ~= '' then redis.call('SADD', KEYS[6], ARGV[8]) end
-- Not before the time, microseconds: a count alone would give a number again whose task is there and which a failover has lost.
local number = math.max(tonumber(redis.call('GET', KEYS[4]) or '0') + 1, now * 1000)
redis.call('SET', KEYS[4], exact(number))
number = exact(number)
redis.call('HSET', KEYS[1], ARGV[2], exact(rank) .. ' ' .. number .. ' ' .. exact(now) .. ' ' .. exact(apart) .. ' ' .. ARGV[3])
redis.call('HSET', KEYS[2], ARGV[3], (count + 1) .. ' ' .. exact(rank + apart) .. ' ' .. finish)
return { exact(rank), number }
