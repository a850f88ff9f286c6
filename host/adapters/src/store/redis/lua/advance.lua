-- Records moves of a cursor. Answers how the cursor stands ('idle', 'more', 'parked' or 'stale') and where its key is scheduled now.
local key, token, name = args.key, args.token, args.cursor
local cursor = redis.call('HGET', keys.cursors, name)
if not cursor then
    -- The same call ended the cursor before, and its answer was lost.
    if redis.call('HGET', keys.task, 'disabled/' .. name) == token then return { 'idle', '' } end
    return { 'stale', '' }
end
local event, delivery, attempts, last_token, answer, rest = string.match(cursor, '^(%S+) (%S+) (%S+) (%S+) (%S+)(.*)$')
-- The same call was made before, and its answer was lost. Where the key is scheduled now must be read again.
if last_token == token then return { answer, 'u' } end
if redis.call('HGET', keys.delivery_leases, key) ~= args.fence then return { 'stale', '' } end
event, delivery, attempts = tonumber(event), tonumber(delivery), tonumber(attempts)
local task = redis.call('HMGET', keys.task, 'last', 'ended_at')
-- A cursor that makes a delivery again has its own event, and a URL or '-'.
local own, url = string.match(rest, '^ (%S+) (%S+)$')
local last = tonumber(own or task[1])

local states = { delivered = 'delivered', dead = 'dead', disable = 'dead', retry = 'pending', park = 'pending' }
local has_lists = #keys.endpoint_lists > 0
local lists = { pending = keys.endpoint_lists[1], delivered = keys.endpoint_lists[2], dead = keys.endpoint_lists[3] }
local records, tried, gone = {}, {}, {}
local moved = { pending = {}, delivered = {}, dead = {} }
local movement
-- Only the first delivery may have been tried before: it keeps its event.
local first = redis.call('HGET', keys.deliveries, args.endpoint .. '/' .. delivery .. (own and '.' .. args.resend or ''))
for index = 1, #args.moves, 2 do
    movement = args.moves[index]
    if event > last then break end
    local attempt = args.moves[index + 1]
    local state = states[movement]
    if (movement == 'retry' or movement == 'park') and attempt == '' then state = nil end
    if state then
        local record = args.endpoint .. '/' .. delivery .. (own and '.' .. args.resend or '')
        records[#records + 1] = record
        records[#records + 1] = (first and string.match(first, '^%S+') or event) .. ' ' .. state .. ' ' .. exact(now) .. (own and url ~= '-' and ' ' .. url or '')
        if attempt ~= '' then tried[#tried + 1] = record .. ' ' .. attempt end
        if has_lists then
            local member = args.id .. '/' .. string.format('%06d.%03d', delivery, args.resend)
            table.insert(moved[state], exact(now))
            table.insert(moved[state], member)
            if first and state ~= 'pending' then gone[#gone + 1] = member end
        end
    end
    if movement == 'retry' or movement == 'park' then
        if attempt ~= '' then attempts = attempts + 1 end
    elseif movement ~= 'disable' then
        event, attempts = event + 1, 0
        if movement ~= 'skip' then delivery, first = delivery + 1, nil end
    end
end
movement = args.moves[#args.moves - 1]

write('HSET', keys.deliveries, records)
write('RPUSH', keys.attempts, tried)
if #gone > 0 then write('ZREM', lists.pending, gone) end
for state, members in pairs(moved) do
    if #members > 0 then
        write('ZADD', lists[state], members)
        redis.call('ZREMRANGEBYSCORE', lists[state], '-inf', exact(now - tonumber(args.history_kept)))
        redis.call('PEXPIRE', lists[state], args.history_kept)
    end
end

local function store_cursor(outcome)
    local text = event .. ' ' .. delivery .. ' ' .. attempts .. ' ' .. token .. ' ' .. outcome .. rest
    redis.call('HSET', keys.cursors, name, text)
end
local function leave_queue()
    redis.call('HDEL', keys.delivery_leases, key)
    redis.call('ZREM', keys.delivery_due, key)
    unready(keys.delivery_ready, keys.lanes, key)
    if not task[2] then return end
    for _, other in ipairs(redis.call('HKEYS', keys.cursors)) do
        local other_key = args.id .. '/' .. other
        if redis.call('ZSCORE', keys.delivery_due, other_key) or redis.call('ZSCORE', keys.delivery_ready, other_key) then return end
    end
    -- Nothing is left to deliver: the task expires from now on.
    each_task_key('PEXPIRE', args.history_kept)
end
-- Forgets the credentials of the task's own endpoint once none of its cursors has anything left to deliver to that endpoint's URL,
-- and none can get anything more.
local function forget_credentials_if_done()
    if args.endpoint ~= 'task' or (redis.call('HGET', keys.task, 'credentials') or '') == '' then return end
    local cursors = redis.call('HGETALL', keys.cursors)
    for index = 1, #cursors, 2 do
        if cursors[index] == 'task' or string.match(cursors[index], '^task[~#]') then
            local next, of, to = string.match(cursors[index + 1], '^(%S+) %S+ %S+ %S+ %S+ ?(%S*) ?(%S*)$')
            local has_left = tonumber(next) <= tonumber(of ~= '' and of or task[1])
            if (to == '' or to == '-') and (has_left or (of == '' and not task[2])) then return end
        end
    end
    redis.call('HSET', keys.task, 'credentials', '')
end
local function end_cursor()
    redis.call('HDEL', keys.cursors, name)
    redis.call('HSET', keys.task, 'disabled/' .. name, token)
    forget_credentials_if_done()
    leave_queue()
    return { 'idle', '' }
end

if movement == 'disable' then return end_cursor() end
if movement == 'retry' and event <= last then
    store_cursor('idle')
    local delay = tonumber(args.retry_delay)
    local update = reschedule(keys.delivery_due, keys.delivery_ready, keys.lanes, keys.delivery_leases, key, delay, exact(now), args.channel, args.wake)
    return { 'idle', update }
end
if movement == 'park' then
    store_cursor('parked')
    redis.call('ZADD', keys.parked, 0, key)
    leave_queue()
    return { 'parked', '' }
end
if event <= last then
    store_cursor('more')
    return { 'more', '' }
end
if own then return end_cursor() end
store_cursor('idle')
forget_credentials_if_done()
leave_queue()
return { 'idle', '' }
