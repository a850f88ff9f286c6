-- The newest links of a chain, oldest first.
-- KEYS 1 chain; ARGV 2 how many at most
local links, upto = {}, number('next')
for at = math.max(number('oldest'), upto - tonumber(ARGV[2])), upto - 1 do
    links[#links + 1] = redis.call('HGET', chain, 'l/' .. exact(at)) or nil
end
return links
