-- Deliveries of a named endpoint, those moved last first, of one time by task and number: each with its time.
-- KEYS deliveries in each state that is wanted
-- ARGV 2 latest time 3 earliest 4 how many to leave out 5 how many to give
local found, upto = {}, tonumber(ARGV[4]) + tonumber(ARGV[5])
for index, key in ipairs(KEYS) do
    local some = redis.call('ZRANGE', key, ARGV[2], ARGV[3], 'BYSCORE', 'REV', 'LIMIT', 0, upto, 'WITHSCORES')
    for at = 1, #some, 2 do found[#found + 1] = { some[at], some[at + 1], tonumber(some[at + 1]) } end
end
table.sort(found, function(one, other)
    if one[3] ~= other[3] then return one[3] > other[3] end
    return one[1] > other[1]
end)
local page = {}
for index = tonumber(ARGV[4]) + 1, math.min(upto, #found) do
    page[#page + 1] = found[index][1]
    page[#page + 1] = found[index][2]
end
return page
