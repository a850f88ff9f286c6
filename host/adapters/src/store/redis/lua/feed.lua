-- Entries of feeds from a time on, oldest first. Answers the server's time, whether entries may be missing, and the entries of each
-- feed that has any: id and event in turn.
-- The time is read first: what is added after this script has an id of this millisecond or of a later one.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local from = tonumber(args.from)

local function is_trimmed(feed)
    local length, info = redis.call('XLEN', feed), redis.call('XINFO', 'STREAM', feed)
    for index = 1, #info, 2 do
        if info[index] == 'entries-added' then return info[index + 1] > length end
    end
    -- Redis before 7 does not say how many were added.
    return length >= tonumber(args.feed_max)
end

local answer = { string.format('%.0f', now), from < now - tonumber(args.history_kept) and '1' or '0' }
for index = 1, #keys.feeds do
    local feed = keys.feeds[index]
    local entries = redis.call('XRANGE', feed, args.from, '+', 'COUNT', args.count)
    if #entries > 0 then
        local oldest = redis.call('XRANGE', feed, '-', '+', 'COUNT', 1)[1][1]
        -- No entry is left from before the time asked for.
        if oldest == entries[1][1] and tonumber(string.match(oldest, '^%d+')) > from and is_trimmed(feed) then
            answer[2] = '1'
        end
        local found = {}
        for _, entry in ipairs(entries) do
            found[#found + 1] = entry[1]
            found[#found + 1] = entry[2][2]
        end
        answer[#answer + 1] = found
    end
end
return answer
