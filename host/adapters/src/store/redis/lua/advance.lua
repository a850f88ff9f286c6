-- Records an attempt and moves a cursor.
-- KEYS 1 task 2 history 3 cursors 4 deliveries 5 attempts, 6 due 7 ready 8 leases of deliveries
-- ARGV 2 key 3 fence 4 token 5 endpoint 6 move: skip, delivered, dead, retry or disable 7 delay, milliseconds
-- 8 attempt's JSON, or empty 9 milliseconds an ended task is kept 10 id 11 channel 12 wake
local key, token, endpoint, move = ARGV[2], ARGV[4], ARGV[5], ARGV[6]
local cursor = redis.call('HGET', KEYS[3], endpoint)
if not cursor then
    -- This very move ended it: its answer was lost.
    if redis.call('HGET', KEYS[1], 'disabled/' .. endpoint) == token then return { 'idle', '' } end
    return { 'stale', '' }
end
local event, delivery, attempts, made, answer = string.match(cursor, '^(%S+) (%S+) (%S+) (%S+) (%S+)$')
-- This very move: its answer was lost. Where the key lies now must be looked up.
if made == token then return { answer, 'u' } end
if redis.call('HGET', KEYS[8], key) ~= ARGV[3] then return { 'stale', '' } end
event, delivery, attempts = tonumber(event), tonumber(delivery), tonumber(attempts)
local task = redis.call('HMGET', KEYS[1], 'last', 'ended_at')
local last = tonumber(task[1])

local function idle()
    redis.call('HDEL', KEYS[8], key)
    redis.call('ZREM', KEYS[6], key)
    redis.call('ZREM', KEYS[7], key)
    if not task[2] then return end
    for _, other in ipairs(redis.call('HKEYS', KEYS[3])) do
        local place = ARGV[10] .. '/' .. other
        if redis.call('ZSCORE', KEYS[6], place) or redis.call('ZSCORE', KEYS[7], place) then return end
    end
    -- Nothing is left to deliver: history's time runs.
    for index = 1, 5 do redis.call('PEXPIRE', KEYS[index], ARGV[9]) end
end

local function put(next)
    redis.call('HSET', KEYS[3], endpoint, event .. ' ' .. delivery .. ' ' .. attempts .. ' ' .. token .. ' ' .. next)
end

if event > last then
    idle()
    put('idle')
    return { 'idle', '' }
end
local states = { delivered = 'delivered', dead = 'dead', disable = 'dead', retry = 'pending' }
if states[move] then
    local place = endpoint .. '/' .. delivery
    -- A delivery that was tried before keeps its event.
    local first = string.match(redis.call('HGET', KEYS[4], place) or '', '^%S+') or event
    redis.call('HSET', KEYS[4], place, first .. ' ' .. states[move])
    if ARGV[8] ~= '' then redis.call('RPUSH', KEYS[5], place .. ' ' .. ARGV[8]) end
end
if move == 'disable' then
    redis.call('HDEL', KEYS[3], endpoint)
    redis.call('HSET', KEYS[1], 'disabled/' .. endpoint, token)
    idle()
    return { 'idle', '' }
end
local moved = ''
if move == 'retry' then
    if ARGV[8] ~= '' then attempts = attempts + 1 end
    answer = 'idle'
    moved = place(KEYS[6], KEYS[7], KEYS[8], key, tonumber(ARGV[7]), exact(now), ARGV[11], ARGV[12])
else
    event, attempts = event + 1, 0
    if move ~= 'skip' then delivery = delivery + 1 end
    answer = event <= last and 'more' or 'idle'
    if answer == 'idle' then idle() end
end
put(answer)
return { answer, moved }
