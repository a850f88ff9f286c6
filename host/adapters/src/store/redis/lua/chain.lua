-- A chain is one hash. `next`: the number of the next link; `oldest`: the oldest number that is remembered; `head`: every link
-- before it has finished; `total`: deliveries up to the last link that was forgotten; `l/NUMBER`: a link, as task, base and
-- deliveries, each '-' while unknown; `t/TASK`: the number of the task's unfinished link; `s/TASK`: its deliveries so far.
local function number(field)
    return tonumber(redis.call('HGET', keys.chain, field) or '1')
end
local function link(at)
    local stored = redis.call('HGET', keys.chain, 'l/' .. exact(at))
    if not stored then return nil end
    local task, base, delivered = string.match(stored, '^(%S+) (%S+) (%S+)$')
    return { task = task, base = tonumber(base), delivered = tonumber(delivered) }
end
local function store_link(at, link)
    local text = function(number) return number and exact(number) or '-' end
    redis.call('HSET', keys.chain, 'l/' .. exact(at), link.task .. ' ' .. text(link.base) .. ' ' .. text(link.delivered))
end
-- The first unfinished link, and its number.
local function head()
    local at, upto = number('head'), number('next')
    local first = at
    while at < upto do
        local found = link(at)
        if found and not found.delivered then break end
        at = at + 1
    end
    if at ~= first then redis.call('HSET', keys.chain, 'head', exact(at)) end
    return link(at), at
end
-- Deliveries of all links before this number that have finished.
local function total(before)
    for at = before - 1, number('oldest'), -1 do
        local found = link(at)
        if found and found.delivered then return (found.base or 0) + found.delivered end
    end
    return tonumber(redis.call('HGET', keys.chain, 'total') or '0')
end
