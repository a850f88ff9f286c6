-- A page of the deliveries in some lists of a named endpoint, each with the time of its last move: latest first, those of one time
-- by task and number.
local found, upto = {}, tonumber(args.offset) + tonumber(args.count)
for index = 1, #keys.lists do
    local some = redis.call('ZRANGE', keys.lists[index], args.latest, args.earliest, 'BYSCORE', 'REV', 'LIMIT', 0, upto, 'WITHSCORES')
    for at = 1, #some, 2 do found[#found + 1] = { some[at], some[at + 1], tonumber(some[at + 1]) } end
end
table.sort(found, function(one, other)
    if one[3] ~= other[3] then return one[3] > other[3] end
    return one[1] > other[1]
end)
local page = {}
for index = tonumber(args.offset) + 1, math.min(upto, #found) do
    page[#page + 1] = found[index][1]
    page[#page + 1] = found[index][2]
end
return page
