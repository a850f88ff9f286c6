-- Claims a document's id for a task.
-- KEYS 1 claims; ARGV 2 task 3 number 4 whether it replaces: 1 or 0 5 task whose claim is void, or empty
if ARGV[5] ~= '' then redis.call('HDEL', KEYS[1], ARGV[5]) end
if redis.call('HEXISTS', KEYS[1], ARGV[2]) == 1 then return {} end
if ARGV[4] == '0' then
    -- The newest that runs, else the one that completed last.
    local holder, state, newest = false, false, -1
    local claims = redis.call('HGETALL', KEYS[1])
    for index = 1, #claims, 2 do
        local number, kind = string.match(claims[index + 1], '^(%d+) (%a+)$')
        local order = tonumber(number)
        if kind == 'running' then order = order + 2 ^ 52 end
        if order > newest then holder, state, newest = claims[index], kind, order end
    end
    if holder then return { holder, state } end
end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3] .. ' running')
return {}
