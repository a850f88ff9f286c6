-- A process tells that it is alive, and hears the format of the store. The format is raised to what every process that is alive
-- knows; never lowered. A full Redis takes neither, and says the format all the same: what makes room again goes on.
-- KEYS: what is known of the format (hash), the processes (hash: each to the highest format it knows and until when it is alive).
-- ARGV: the process, the highest format it knows, how long it is alive from now (ms), its version.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- A store of before there was this key is of format 1.
local format = tonumber(redis.call('HGET', KEYS[1], 'format') or 1)
local known = tonumber(ARGV[2])
if format > known then
    redis.call('HDEL', KEYS[2], ARGV[1])
    return {format, redis.call('HGET', KEYS[1], 'by') or '', 'refused'}
end
local lowest = known
local processes = redis.call('HGETALL', KEYS[2])
for i = 1, #processes, 2 do
    local theirs, ends = string.match(processes[i + 1], '^(%d+) (%d+)$')
    if not theirs or tonumber(ends) < now then
        redis.call('HDEL', KEYS[2], processes[i])
    elseif processes[i] ~= ARGV[1] then
        lowest = math.min(lowest, tonumber(theirs))
    end
end
local told = redis.pcall('HSET', KEYS[2], ARGV[1], ARGV[2] .. ' ' .. string.format('%.0f', now + ARGV[3]))
if type(told) == 'table' then
    if not string.find(told.err, 'OOM') then return told end
    return {format, redis.call('HGET', KEYS[1], 'by') or '', 'full'}
end
local is_first = redis.call('EXISTS', KEYS[1]) == 0
if lowest > format or is_first then
    format = math.max(lowest, format)
    redis.call('HSET', KEYS[1], 'format', string.format('%.0f', format), 'by', ARGV[4])
end
return {format, redis.call('HGET', KEYS[1], 'by') or '', is_first and 'first' or 'told'}
