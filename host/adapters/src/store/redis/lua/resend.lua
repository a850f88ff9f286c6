-- Makes a settled delivery again. Answers 'done' with the resend's number and where its cursor is scheduled, or 'unknown', 'pending'
-- or 'too many'.
local task = redis.call('HGET', keys.task, 'last')
if not task then return { 'unknown', '', '' } end
local first, note = args.endpoint .. '/' .. args.delivery, 'resent/' .. args.endpoint .. '/' .. args.delivery
local before, number = string.match(redis.call('HGET', keys.task, note) or '', '^(%S+) (%S+)$')
-- The same call was made before, and its answer was lost.
if before == args.token then return { 'done', number, 'u' } end
local last, record = 0, redis.call('HGET', keys.deliveries, first)
if not record then return { 'unknown', '', '' } end
local records = { record }
while last < tonumber(args.resends_max) do
    local next = redis.call('HGET', keys.deliveries, first .. '.' .. (last + 1))
    if not next then break end
    last, record = last + 1, next
    records[#records + 1] = next
end
local event, state = string.match(record, '^(%S+) (%S+)')
if not string.find(args.settled, ' ' .. state .. ' ', 1, true) then return { 'pending', '', '' } end
if last >= tonumber(args.resends_max) then return { 'too many', '', '' } end

local has_lists = #keys.endpoint_lists > 0
local pending, dead, resent = keys.endpoint_lists[1], keys.endpoint_lists[2], keys.endpoint_lists[3]
local function member(resend)
    return args.id .. '/' .. string.format('%06d.%03d', args.delivery, resend)
end
for index, old in ipairs(records) do
    local of, was, since = string.match(old, '^(%S+) (%S+)(.*)$')
    if was == 'dead' then
        redis.call('HSET', keys.deliveries, index == 1 and first or first .. '.' .. (index - 1), of .. ' resent' .. since)
        local score = has_lists and redis.call('ZSCORE', dead, member(index - 1))
        if score then
            redis.call('ZREM', dead, member(index - 1))
            redis.call('ZADD', resent, score, member(index - 1))
            redis.call('PEXPIRE', resent, args.history_kept)
        end
    end
end
last = last + 1
local url = args.url ~= '-' and ' ' .. args.url or ''
redis.call('HSET', keys.deliveries, first .. '.' .. last, event .. ' pending ' .. exact(now) .. url)
redis.call('HSET', keys.task, note, args.token .. ' ' .. last)
if has_lists then
    redis.call('ZADD', pending, exact(now), member(last))
    redis.call('PEXPIRE', pending, args.history_kept)
end
local name = args.cursor .. '#' .. args.delivery .. '.' .. last
redis.call('HSET', keys.cursors, name, event .. ' ' .. args.delivery .. ' 0 - - ' .. event .. ' ' .. args.url)
each_task_key('PERSIST')
local key, delay = args.id .. '/' .. name, tonumber(args.delay)
local update = reschedule(keys.delivery_due, keys.delivery_ready, keys.lanes, keys.delivery_leases, key, delay, exact(now), args.channel,
    args.wake)
return { 'done', tostring(last), update }
