-- Sends a command for one key with many values, in batches that Lua's stack can hold.
local function write(command, key, values)
    for from = 1, #values, 1000 do
        redis.call(command, key, unpack(values, from, math.min(from + 999, #values)))
    end
end
