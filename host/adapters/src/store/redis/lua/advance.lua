-- Records moves of a cursor. What each does, and what becomes of the cursor, is sent (`cursor_moves`). Answers the outcome, which is
-- stored with the cursor if there is one left, or 'stale', and where its key is scheduled now.
local key, token, name = args.key, args.token, args.cursor
local cursor = redis.call('HGET', keys.cursors, name)
if not cursor then
    -- The same call ended the cursor before, and its answer was lost.
    if redis.call('HGET', keys.task, 'disabled/' .. name) == token then return { 'idle', '' } end
    return { 'stale', '' }
end
local event, delivery, attempts, last_token, last_outcome, rest = string.match(cursor, '^(%S+) (%S+) (%S+) (%S+) (%S+)(.*)$')
-- The same call was made before, and its answer was lost. Where the key is scheduled now must be read again.
if last_token == token then return { last_outcome, 'u' } end
if redis.call('HGET', keys.delivery_leases, key) ~= args.fence then return { 'stale', '' } end
event, delivery, attempts = tonumber(event), tonumber(delivery), tonumber(attempts)
local task = redis.call('HMGET', keys.task, 'last', 'ended_at')
-- A cursor that makes a delivery again has its own event, and a URL or '-'.
local own, url = string.match(rest, '^ (%S+) (%S+)$')
local last = tonumber(own or task[1])

local has_lists = #keys.endpoint_lists > 0
local lists = { pending = keys.endpoint_lists[1], delivered = keys.endpoint_lists[2], dead = keys.endpoint_lists[3] }
local records, tried, gone = {}, {}, {}
local moved = { pending = {}, delivered = {}, dead = {} }
-- Only the first delivery may have been tried before: it keeps its event.
local first = redis.call('HGET', keys.deliveries, args.endpoint .. '/' .. delivery .. (own and '.' .. args.resend or ''))
for index = 1, #args.moves, 4 do
    if event > last then break end
    local state, step, more, attempt = args.moves[index], args.moves[index + 1], tonumber(args.moves[index + 2]), args.moves[index + 3]
    if state ~= '' then
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
    if step == 'stay' then
        attempts = attempts + more
    else
        event, delivery, attempts = event + 1, delivery + more, 0
        if more > 0 then first = nil end
    end
end

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
    if (redis.call('HGET', keys.task, 'credentials') or '') == '' then return end
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

local words = event <= last and args.fate_with_event or args.fate_without_event
local fate, outcome, ends_credentials, delay = string.match(words, '^(%S+) (%S+) (%S+) (%S+)$')
if fate == 'forgotten' then
    redis.call('HDEL', keys.cursors, name)
    redis.call('HSET', keys.task, 'disabled/' .. name, token)
else
    local text = event .. ' ' .. delivery .. ' ' .. attempts .. ' ' .. token .. ' ' .. outcome .. rest
    redis.call('HSET', keys.cursors, name, text)
end
if ends_credentials == '1' then forget_credentials_if_done() end
if fate == 'goes_on' then return { outcome, '' } end
if fate == 'due' then
    return { outcome, reschedule(keys.delivery_due, keys.delivery_ready, keys.lanes, keys.delivery_leases, key, tonumber(delay),
        exact(now), args.channel, args.wake) }
end
if fate == 'parked' then redis.call('ZADD', keys.parked, 0, key) end
leave_queue()
return { outcome, '' }
