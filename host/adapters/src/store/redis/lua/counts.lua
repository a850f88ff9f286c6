-- Number of tasks in each state.
local counts = {}
for index, key in ipairs(KEYS) do counts[index] = redis.call('ZCARD', key) end
return counts
