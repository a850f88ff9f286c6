
-- Nodes. ARGV 5… key and node of each
local total, keys = count('nodes'), {}
for index = 5, #ARGV, 2 do
    local key = ARGV[index]
    if not keys[key] and redis.call('HEXISTS', KEYS[6], key) == 0 then total = total + 1 end
    keys[key] = true
end
if total > tonumber(ARGV[4]) then return refuse('many', total) end
for index = 5, #ARGV, 2 do redis.call('HSET', KEYS[6], ARGV[index], ARGV[index + 1]) end
return done('nodes', total)
