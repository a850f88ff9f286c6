
-- Facts. ARGV 5… each
local total = count('facts') + #ARGV - 4
if total > tonumber(ARGV[4]) then return refuse('many', total) end
for index = 5, #ARGV do redis.call('RPUSH', KEYS[8], ARGV[index]) end
return done('facts', total)
