-- The newest links of a chain, oldest first.
local links, upto = {}, number('next')
for at = math.max(number('oldest'), upto - tonumber(args.links_max)), upto - 1 do
    links[#links + 1] = redis.call('HGET', keys.chain, 'l/' .. exact(at)) or nil
end
return links
