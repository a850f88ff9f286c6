-- Nodes: `args.rows` holds key and node of each.
local total, new = count('nodes'), {}
for index = 1, #args.rows, 2 do
    local key = args.rows[index]
    if not new[key] and redis.call('HEXISTS', keys.nodes, key) == 0 then total = total + 1 end
    new[key] = true
end
if total > tonumber(args.rows_max) then return refuse('many', total) end
for index = 1, #args.rows, 2 do redis.call('HSET', keys.nodes, args.rows[index], args.rows[index + 1]) end
return done('nodes', total)
