-- Facts: one element of `args.rows` each.
local total = count('facts') + #args.rows
if total > tonumber(args.rows_max) then return refuse('many', total) end
for index = 1, #args.rows do redis.call('RPUSH', keys.facts, args.rows[index]) end
return done('facts', total)
