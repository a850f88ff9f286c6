-- Gives a task its number and its rank among those that wait (start-time fair queueing).
-- KEYS 1 waiting 2 flows 3 virtual time 4 number; ARGV 2 task 3 flow 4 weight 5 most that may wait
local known = redis.call('HGET', KEYS[1], ARGV[2])
if known then
    local rank, number = string.match(known, '^(%S+) (%S+) ')
    return { rank, number }
end
if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[5]) then return {} end
local virtual = tonumber(redis.call('GET', KEYS[3]) or '0')
local apart, rank, count, finish = 1 / tonumber(ARGV[4]), virtual, 0, '0'
local flow = redis.call('HGET', KEYS[2], ARGV[3])
if flow then
    local waiting, next, last = string.match(flow, '^(%S+) (%S+) (%S+)$')
    count, rank, finish = tonumber(waiting), math.max(virtual, tonumber(next)), last
end
-- Not before the time, microseconds: a count alone would give a number again whose task is there and which a failover has lost.
local number = math.max(tonumber(redis.call('GET', KEYS[4]) or '0') + 1, now * 1000)
redis.call('SET', KEYS[4], exact(number))
number = exact(number)
redis.call('HSET', KEYS[1], ARGV[2], exact(rank) .. ' ' .. number .. ' ' .. exact(now) .. ' ' .. exact(apart) .. ' ' .. ARGV[3])
redis.call('HSET', KEYS[2], ARGV[3], (count + 1) .. ' ' .. exact(rank + apart) .. ' ' .. finish)
return { exact(rank), number }
