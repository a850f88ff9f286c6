-- Registers a process as alive and answers the store's format, the version that wrote it first, and 'ok', 'first', 'refused' or
-- 'full'. The format is raised to what every living process supports, and never lowered. A full Redis registers nothing and raises
-- nothing, but still answers: the calls that make room must go on.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- A store without this key is of format 1.
local format = tonumber(redis.call('HGET', keys.format, 'format') or 1)
local supported = tonumber(args.supported)
if format > supported then
    redis.call('HDEL', keys.processes, args.process)
    return { format, redis.call('HGET', keys.format, 'by') or '', 'refused' }
end
local lowest = supported
local processes = redis.call('HGETALL', keys.processes)
for index = 1, #processes, 2 do
    local theirs, ends = string.match(processes[index + 1], '^(%d+) (%d+)$')
    if not theirs or tonumber(ends) < now then
        redis.call('HDEL', keys.processes, processes[index])
    elseif processes[index] ~= args.process then
        lowest = math.min(lowest, tonumber(theirs))
    end
end
local alive_until = string.format('%.0f', now + args.silence_max)
local registered = redis.pcall('HSET', keys.processes, args.process, args.supported .. ' ' .. alive_until)
if type(registered) == 'table' then
    if not string.find(registered.err, 'OOM') then return registered end
    return { format, redis.call('HGET', keys.format, 'by') or '', 'full' }
end
local is_first = redis.call('EXISTS', keys.format) == 0
if lowest > format or is_first then
    format = math.max(lowest, format)
    redis.call('HSET', keys.format, 'format', string.format('%.0f', format), 'by', args.version)
end
return { format, redis.call('HGET', keys.format, 'by') or '', is_first and 'first' or 'ok' }
