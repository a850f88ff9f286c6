-- A task waits no more: it has begun, was cancelled, or was refused.
-- KEYS 1 waiting 2 flows 3 virtual time 4 days; ARGV 2 name of the place 3 how it ends: begun, cancelled or refused
local known = redis.call('HGET', KEYS[1], ARGV[2])
if not known then return 0 end
local rank, entered, apart, name = string.match(known, '^(%S+) %S+ (%S+) (%S+) (.*)$')
redis.call('HDEL', KEYS[1], ARGV[2])
local virtual = tonumber(redis.call('GET', KEYS[3]) or '0')
if ARGV[3] == 'begun' and tonumber(rank) > virtual then
    virtual = tonumber(rank)
    redis.call('SET', KEYS[3], rank)
end
if ARGV[3] == 'refused' then
    -- It is no task of its day.
    local day, tasks = string.match(redis.call('HGET', KEYS[4], name) or '', '^(%S+) (%d+)$')
    if day == string.format('%d', math.floor(tonumber(entered) / 86400000)) and tasks ~= '0' then
        redis.call('HSET', KEYS[4], name, day .. ' ' .. (tonumber(tasks) - 1))
    end
end
local flow = redis.call('HGET', KEYS[2], name)
if not flow then return 1 end
local count, next, finish = string.match(flow, '^(%S+) (%S+) (%S+)$')
local waiting, follows = tonumber(count) - 1, exact(tonumber(rank) + tonumber(apart))
if ARGV[3] == 'begun' and tonumber(follows) > tonumber(finish) then finish = follows end
-- A refused task gives its rank back, unless another has come after it.
if ARGV[3] == 'refused' and next == follows then next = rank end
if waiting <= 0 then waiting, next = 0, finish end
if waiting == 0 and tonumber(finish) <= virtual then
    redis.call('HDEL', KEYS[2], name)
else
    redis.call('HSET', KEYS[2], name, waiting .. ' ' .. next .. ' ' .. finish)
end
return 1
