-- Entries of feeds from a time on, oldest first. Answers its time, whether some may be gone, and for each feed that has any
-- its entries: id and event in turn.
-- KEYS feeds ARGV 1 from, milliseconds 2 most entries of each 3 milliseconds that events are kept 4 entries a feed keeps
-- The time comes first: what is added after this script has an id of this millisecond or a later one.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local from = tonumber(ARGV[1])

local function is_trimmed(key)
    local length, info = redis.call('XLEN', key), redis.call('XINFO', 'STREAM', key)
    for index = 1, #info, 2 do
        if info[index] == 'entries-added' then return info[index + 1] > length end
    end
    -- Before Redis 7 nothing tells.
    return length >= tonumber(ARGV[4])
end

local answer = { string.format('%.0f', now), from < now - tonumber(ARGV[3]) and '1' or '0' }
for _, key in ipairs(KEYS) do
    local entries = redis.call('XRANGE', key, ARGV[1], '+', 'COUNT', ARGV[2])
    if #entries > 0 then
        local oldest = redis.call('XRANGE', key, '-', '+', 'COUNT', 1)[1][1]
        -- Nothing is left of the time before.
        if oldest == entries[1][1] and tonumber(string.match(oldest, '^%d+')) > from and is_trimmed(key) then
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
