-- A chain is one hash: `next` number to give, `oldest` that is remembered, `head` no link before which is unfinished, `total`
-- of what is forgotten; `l/NUMBER` a link: task, base, deliveries, with - for what is not known; `t/TASK` its unfinished link.
local chain = KEYS[1]
local function number(field)
    return tonumber(redis.call('HGET', chain, field) or '1')
end
local function link(at)
    local stored = redis.call('HGET', chain, 'l/' .. exact(at))
    if not stored then return nil end
    local task, base, delivered = string.match(stored, '^(%S+) (%S+) (%S+)$')
    return { task = task, base = tonumber(base), delivered = tonumber(delivered) }
end
local function keep(at, link)
    local shown = function(number) return number and exact(number) or '-' end
    redis.call('HSET', chain, 'l/' .. exact(at), link.task .. ' ' .. shown(link.base) .. ' ' .. shown(link.delivered))
end
-- The first link that has not finished, and its number.
local function head()
    local at, upto = number('head'), number('next')
    local first = at
    while at < upto do
        local found = link(at)
        if found and not found.delivered then break end
        at = at + 1
    end
    if at ~= first then redis.call('HSET', chain, 'head', exact(at)) end
    return link(at), at
end
-- Deliveries of all that have finished before: what the last of them ended with.
local function total(before)
    for at = before - 1, number('oldest'), -1 do
        local found = link(at)
        if found and found.delivered then return (found.base or 0) + found.delivered end
    end
    return tonumber(redis.call('HGET', chain, 'total') or '0')
end
