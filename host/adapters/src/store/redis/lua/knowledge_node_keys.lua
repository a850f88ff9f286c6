-- Some keys of nodes, without the nodes: the next position of the scan, and the keys.
local found = redis.call('HSCAN', keys.nodes, args.position, 'COUNT', args.count)
local names = {}
for index = 1, #found[2], 2 do names[#names + 1] = found[2][index] end
return { found[1], names }
