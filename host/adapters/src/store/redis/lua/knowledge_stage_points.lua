
-- Points. ARGV 5 numbers of a vector 6… id, vector, and text with payload of each
local number, ids = count('points'), {}
for index = 6, #ARGV, 3 do
    local id = ARGV[index]
    if ids[id] or redis.call('SISMEMBER', KEYS[3], id) == 1 then return refuse('twice', id) end
    ids[id] = true
end
local total = number + (#ARGV - 5) / 3
if total > tonumber(ARGV[4]) then return refuse('many', total) end
for index = 6, #ARGV, 3 do
    redis.call('SADD', KEYS[3], ARGV[index])
    redis.call('HSET', KEYS[4], number, ARGV[index + 1])
    redis.call('HSET', KEYS[5], number, ARGV[index + 2])
    number = number + 1
end
if total > 0 then redis.call('HSET', KEYS[2], 'dimensions', ARGV[5]) end
return done('points', total)
