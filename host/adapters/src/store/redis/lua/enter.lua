-- Adds an entry to the waiting list and gives it a number and a rank (start-time fair queueing). Answers rank and number, or why
-- there is no room: 'full', 'share', 'waiting' or 'day'. Without the entry's name it only checks, and answers 'may'.
local known = redis.call('HGET', keys.waiting, args.entry)
if known then
    local rank, number = string.match(known, '^(%S+) (%S+) ')
    return { rank, number }
end
local free = tonumber(args.queue_max) - redis.call('HLEN', keys.waiting)
if free <= 0 then return { 'full' } end
local virtual = tonumber(redis.call('GET', keys.virtual_time) or '0')
local apart, rank, count, finish = 1 / tonumber(args.weight), virtual, 0, '0'
local flow = redis.call('HGET', keys.flows, args.flow)
if flow then
    local waiting, next, last = string.match(flow, '^(%S+) (%S+) (%S+)$')
    count, rank, finish = tonumber(waiting), math.max(virtual, tonumber(next)), last
end
-- A flow may take no more room than it leaves, as in the core's `shares`.
if args.is_shared == '1' and count >= free then return { 'share' } end
if args.waiting_max ~= '' and count >= tonumber(args.waiting_max) then return { 'waiting' } end
local of_day
if args.per_day_max ~= '' then
    local today = string.format('%d', math.floor(now / 86400000))
    local day, tasks = string.match(redis.call('HGET', keys.days, args.flow) or '', '^(%S+) (%d+)$')
    tasks = day == today and tonumber(tasks) or 0
    if tasks >= tonumber(args.per_day_max) then return { 'day' } end
    of_day = today .. ' ' .. (tasks + 1)
end
if args.entry == '' then return { 'may' } end
if of_day then redis.call('HSET', keys.days, args.flow, of_day) end
if args.tenant ~= '' then redis.call('SADD', keys.tenants, args.tenant) end
-- Not less than the time in microseconds: after a failover that lost the counter, a count alone would repeat a number whose task is
-- still there.
local number = math.max(tonumber(redis.call('GET', keys.number) or '0') + 1, now * 1000)
redis.call('SET', keys.number, exact(number))
number = exact(number)
redis.call('HSET', keys.waiting, args.entry, exact(rank) .. ' ' .. number .. ' ' .. exact(now) .. ' ' .. exact(apart) .. ' ' .. args.flow)
redis.call('HSET', keys.flows, args.flow, (count + 1) .. ' ' .. exact(rank + apart) .. ' ' .. finish)
return { exact(rank), number }
