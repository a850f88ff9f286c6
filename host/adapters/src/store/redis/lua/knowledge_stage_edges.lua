-- Edges: `args.rows` holds source, target and edge of each.
for index = 1, #args.rows, 3 do
    for end_of = index, index + 1 do
        if redis.call('HEXISTS', keys.nodes, args.rows[end_of]) == 0 then return refuse('end', args.rows[end_of]) end
    end
end
local total = count('edges') + #args.rows / 3
if total > tonumber(args.rows_max) then return refuse('many', total) end
for index = 1, #args.rows, 3 do redis.call('RPUSH', keys.edges, args.rows[index + 2]) end
return done('edges', total)
