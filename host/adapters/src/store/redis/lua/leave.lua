-- Removes an entry of the waiting list: its task has begun, was cancelled or was refused. Answers 0 where there was none.
local known = redis.call('HGET', keys.waiting, args.entry)
if not known then return 0 end
local rank, entered, apart, name = string.match(known, '^(%S+) %S+ (%S+) (%S+) (.*)$')
redis.call('HDEL', keys.waiting, args.entry)
local virtual = tonumber(redis.call('GET', keys.virtual_time) or '0')
if args.outcome == 'begun' and tonumber(rank) > virtual then
    virtual = tonumber(rank)
    redis.call('SET', keys.virtual_time, rank)
end
if args.outcome == 'refused' then
    -- It does not count as a task of its day.
    local day, tasks = string.match(redis.call('HGET', keys.days, name) or '', '^(%S+) (%d+)$')
    if day == string.format('%d', math.floor(tonumber(entered) / 86400000)) and tasks ~= '0' then
        redis.call('HSET', keys.days, name, day .. ' ' .. (tonumber(tasks) - 1))
    end
end
local flow = redis.call('HGET', keys.flows, name)
if not flow then return 1 end
local count, next, finish = string.match(flow, '^(%S+) (%S+) (%S+)$')
local waiting, follows = tonumber(count) - 1, exact(tonumber(rank) + tonumber(apart))
if args.outcome == 'begun' and tonumber(follows) > tonumber(finish) then finish = follows end
-- A refused task gives its rank back, unless another has come after it.
if args.outcome == 'refused' and next == follows then next = rank end
if waiting <= 0 then waiting, next = 0, finish end
if waiting == 0 and tonumber(finish) <= virtual then
    redis.call('HDEL', keys.flows, name)
else
    redis.call('HSET', keys.flows, name, waiting .. ' ' .. next .. ' ' .. finish)
end
return 1
