
-- Edges. ARGV 5… source, target and edge of each
for index = 5, #ARGV, 3 do
    for end_of = index, index + 1 do
        if redis.call('HEXISTS', KEYS[6], ARGV[end_of]) == 0 then return refuse('end', ARGV[end_of]) end
    end
end
local total = count('edges') + (#ARGV - 4) / 3
if total > tonumber(ARGV[4]) then return refuse('many', total) end
for index = 5, #ARGV, 3 do redis.call('RPUSH', KEYS[7], ARGV[index + 2]) end
return done('edges', total)
