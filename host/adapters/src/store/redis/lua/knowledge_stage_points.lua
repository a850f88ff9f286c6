-- Points: `args.rows` holds id, vector, and text with payload of each.
local number, ids = count('points'), {}
for index = 1, #args.rows, 3 do
    local id = args.rows[index]
    if ids[id] or redis.call('SISMEMBER', keys.ids, id) == 1 then return refuse('twice', id) end
    ids[id] = true
end
local total = number + #args.rows / 3
if total > tonumber(args.rows_max) then return refuse('many', total) end
for index = 1, #args.rows, 3 do
    redis.call('SADD', keys.ids, args.rows[index])
    redis.call('HSET', keys.vectors, number, args.rows[index + 1])
    redis.call('HSET', keys.points, number, args.rows[index + 2])
    number = number + 1
end
if total > 0 then redis.call('HSET', keys.staged, 'dimensions', args.dimensions) end
return done('points', total)
