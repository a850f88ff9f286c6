-- The size of each list.
local counts = {}
for index = 1, #keys.lists do counts[index] = redis.call('ZCARD', keys.lists[index]) end
return counts
