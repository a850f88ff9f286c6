-- `args.now`: the time in milliseconds; empty for the server's own time.
local now = tonumber(args.now)
if not now then
    local time = redis.call('TIME')
    now = time[1] * 1000 + math.floor(time[2] / 1000)
end
