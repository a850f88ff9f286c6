-- Makes a settled delivery again.
-- KEYS 1 task 2 history 3 cursors 4 deliveries 5 attempts, 6 due 7 ready 8 leases 9 lanes of deliveries, 10 pending 11 dead
-- 12 resent: the deliveries of a named endpoint
-- ARGV 2 id 3 token 4 cursor 5 endpoint 6 delivery 7 URL, or - 8 delay, milliseconds 9 times at most 10 milliseconds a
-- delivery is listed 11 channel 12 wake
local task = redis.call('HGET', KEYS[1], 'last')
if not task then return { 'unknown', '', '' } end
local first, note = ARGV[5] .. '/' .. ARGV[6], 'resent/' .. ARGV[5] .. '/' .. ARGV[6]
local before, number = string.match(redis.call('HGET', KEYS[1], note) or '', '^(%S+) (%S+)$')
-- This very call: its answer was lost.
if before == ARGV[3] then return { 'done', number, 'u' } end
local last, record = 0, redis.call('HGET', KEYS[4], first)
if not record then return { 'unknown', '', '' } end
local records = { record }
while last < tonumber(ARGV[9]) do
    local next = redis.call('HGET', KEYS[4], first .. '.' .. (last + 1))
    if not next then break end
    last, record = last + 1, next
    records[#records + 1] = next
end
local event, state = string.match(record, '^(%S+) (%S+)')
if state == 'pending' then return { 'pending', '', '' } end
if last >= tonumber(ARGV[9]) then return { 'too many', '', '' } end

local function member(resend)
    return ARGV[2] .. '/' .. string.format('%06d.%03d', ARGV[6], resend)
end
for index, old in ipairs(records) do
    local of, was, since = string.match(old, '^(%S+) (%S+)(.*)$')
    if was == 'dead' then
        redis.call('HSET', KEYS[4], index == 1 and first or first .. '.' .. (index - 1), of .. ' resent' .. since)
        local score = KEYS[10] and redis.call('ZSCORE', KEYS[11], member(index - 1))
        if score then
            redis.call('ZREM', KEYS[11], member(index - 1))
            redis.call('ZADD', KEYS[12], score, member(index - 1))
            redis.call('PEXPIRE', KEYS[12], ARGV[10])
        end
    end
end
last = last + 1
local url = ARGV[7] ~= '-' and ' ' .. ARGV[7] or ''
redis.call('HSET', KEYS[4], first .. '.' .. last, event .. ' pending ' .. exact(now) .. url)
redis.call('HSET', KEYS[1], note, ARGV[3] .. ' ' .. last)
if KEYS[10] then
    redis.call('ZADD', KEYS[10], exact(now), member(last))
    redis.call('PEXPIRE', KEYS[10], ARGV[10])
end
local name = ARGV[4] .. '#' .. ARGV[6] .. '.' .. last
redis.call('HSET', KEYS[3], name, event .. ' ' .. ARGV[6] .. ' 0 - - ' .. event .. ' ' .. ARGV[7])
for index = 1, 5 do redis.call('PERSIST', KEYS[index]) end
local key = ARGV[2] .. '/' .. name
local hint = place(KEYS[6], KEYS[7], KEYS[9], KEYS[8], key, tonumber(ARGV[8]), exact(now), ARGV[11], ARGV[12])
return { 'done', tostring(last), hint }
