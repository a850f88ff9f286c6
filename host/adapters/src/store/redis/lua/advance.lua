-- Records moves of a cursor.
-- KEYS 1 task 2 history 3 cursors 4 deliveries 5 attempts, 6 due 7 ready 8 leases 9 lanes of deliveries, 10 parked,
-- 11 pending 12 delivered 13 dead: the deliveries of a named endpoint
-- ARGV 2 key 3 fence 4 token 5 cursor 6 endpoint 7 resend, or 0 8 milliseconds until the last move's retry 9 milliseconds an
-- ended task is kept 10 id 11 channel 12 wake 13… of each move: skip, delivered, dead, retry, disable or park, and the attempt's
-- JSON, or empty
local key, token, name = ARGV[2], ARGV[4], ARGV[5]
local cursor = redis.call('HGET', KEYS[3], name)
if not cursor then
    -- This very call ended it: its answer was lost.
    if redis.call('HGET', KEYS[1], 'disabled/' .. name) == token then return { 'idle', '' } end
    return { 'stale', '' }
end
local event, delivery, attempts, made, answer, rest = string.match(cursor, '^(%S+) (%S+) (%S+) (%S+) (%S+)(.*)$')
-- This very call: its answer was lost. Where the key lies now must be looked up.
if made == token then return { answer, 'u' } end
if redis.call('HGET', KEYS[8], key) ~= ARGV[3] then return { 'stale', '' } end
event, delivery, attempts = tonumber(event), tonumber(delivery), tonumber(attempts)
local task = redis.call('HMGET', KEYS[1], 'last', 'ended_at')
-- One that makes a delivery again has an event of its own, and a URL, or none.
local own, url = string.match(rest, '^ (%S+) (%S+)$')
local last = tonumber(own or task[1])

local states = { delivered = 'delivered', dead = 'dead', disable = 'dead', retry = 'pending', park = 'pending' }
local indexes = { pending = KEYS[11], delivered = KEYS[12], dead = KEYS[13] }
local records, tried, gone = {}, {}, {}
local moved = { pending = {}, delivered = {}, dead = {} }
local movement
-- Only the first delivery may have been tried before: it keeps its event.
local first = redis.call('HGET', KEYS[4], ARGV[6] .. '/' .. delivery .. (own and '.' .. ARGV[7] or ''))
for index = 13, #ARGV, 2 do
    movement = ARGV[index]
    if event > last then break end
    local attempt = ARGV[index + 1]
    local state = states[movement]
    if (movement == 'retry' or movement == 'park') and attempt == '' then state = nil end
    if state then
        local record = ARGV[6] .. '/' .. delivery .. (own and '.' .. ARGV[7] or '')
        records[#records + 1] = record
        records[#records + 1] = (first and string.match(first, '^%S+') or event) .. ' ' .. state .. ' ' .. exact(now) .. (own and url ~= '-' and ' ' .. url or '')
        if attempt ~= '' then tried[#tried + 1] = record .. ' ' .. attempt end
        if KEYS[11] then
            local member = ARGV[10] .. '/' .. string.format('%06d.%03d', delivery, ARGV[7])
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
movement = ARGV[#ARGV - 1]

-- As many values at once as Lua's stack surely takes.
local function write(command, into, values)
    for from = 1, #values, 1000 do
        redis.call(command, into, unpack(values, from, math.min(from + 999, #values)))
    end
end
write('HSET', KEYS[4], records)
write('RPUSH', KEYS[5], tried)
if #gone > 0 then write('ZREM', KEYS[11], gone) end
for state, members in pairs(moved) do
    if #members > 0 then
        write('ZADD', indexes[state], members)
        redis.call('ZREMRANGEBYSCORE', indexes[state], '-inf', exact(now - tonumber(ARGV[9])))
        redis.call('PEXPIRE', indexes[state], ARGV[9])
    end
end

local function put(next)
    local text = event .. ' ' .. delivery .. ' ' .. attempts .. ' ' .. token .. ' ' .. next .. rest
    redis.call('HSET', KEYS[3], name, text)
end
local function idle()
    redis.call('HDEL', KEYS[8], key)
    redis.call('ZREM', KEYS[6], key)
    unready(KEYS[7], KEYS[9], key)
    if not task[2] then return end
    for _, other in ipairs(redis.call('HKEYS', KEYS[3])) do
        local another = ARGV[10] .. '/' .. other
        if redis.call('ZSCORE', KEYS[6], another) or redis.call('ZSCORE', KEYS[7], another) then return end
    end
    -- Nothing is left to deliver: history's time runs.
    for index = 1, 5 do redis.call('PEXPIRE', KEYS[index], ARGV[9]) end
end
-- What the task's own endpoint is sent with goes once none of its cursors has anything left to deliver to its URL, or may get
-- anything.
local function forget_if_done()
    if ARGV[6] ~= 'task' or (redis.call('HGET', KEYS[1], 'credentials') or '') == '' then return end
    local cursors = redis.call('HGETALL', KEYS[3])
    for index = 1, #cursors, 2 do
        if cursors[index] == 'task' or string.match(cursors[index], '^task[~#]') then
            local next, of, to = string.match(cursors[index + 1], '^(%S+) %S+ %S+ %S+ %S+ ?(%S*) ?(%S*)$')
            local has_left = tonumber(next) <= tonumber(of ~= '' and of or task[1])
            if (to == '' or to == '-') and (has_left or (of == '' and not task[2])) then return end
        end
    end
    redis.call('HSET', KEYS[1], 'credentials', '')
end
local function finish()
    redis.call('HDEL', KEYS[3], name)
    redis.call('HSET', KEYS[1], 'disabled/' .. name, token)
    forget_if_done()
    idle()
    return { 'idle', '' }
end

if movement == 'disable' then return finish() end
if movement == 'retry' and event <= last then
    put('idle')
    local hint = place(KEYS[6], KEYS[7], KEYS[9], KEYS[8], key, tonumber(ARGV[8]), exact(now), ARGV[11], ARGV[12])
    return { 'idle', hint }
end
if movement == 'park' then
    put('parked')
    redis.call('ZADD', KEYS[10], 0, key)
    idle()
    return { 'parked', '' }
end
if event <= last then
    put('more')
    return { 'more', '' }
end
if own then return finish() end
put('idle')
forget_if_done()
idle()
return { 'idle', '' }
