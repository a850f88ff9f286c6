-- ARGV[1] is the time in milliseconds, or empty for the server's own.
local now = tonumber(ARGV[1])
if not now then
    local time = redis.call('TIME')
    now = time[1] * 1000 + math.floor(time[2] / 1000)
end
-- A number as Redis reads it back, to the last bit.
local function exact(number)
    return string.format('%.17g', number)
end
