-- Some keys of nodes, without the nodes.
-- KEYS 1 nodes; ARGV 1 place to go on from 2 about how many
local found = redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
local keys = {}
for index = 1, #found[2], 2 do keys[#keys + 1] = found[2][index] end
return { found[1], keys }
