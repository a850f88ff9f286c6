-- Takes the named cursors of a bucket under leases, where they are still due, and tells which are due beside them.
-- KEYS 1 due 2 ready 3 leases 4 lanes
-- ARGV 2 lease, milliseconds 3 fence of what is taken 4 most keys made ready in one call 5 oldest keys to tell; 0 none, but
-- where something has just come due or was not there 6 that many then 7 most lanes to tell of beyond them 8 where those begin
-- 9… keys
local came, missing, taken = collect(KEYS[1], KEYS[2], KEYS[4], nil, ARGV[4]), false, {}
for index = 9, #ARGV do
    local key = ARGV[index]
    if redis.call('ZSCORE', KEYS[2], key) then
        -- First what needs memory: a Redis without any refuses here, before anything has changed. What was sent could not be
        -- recorded either, and would be sent again and again.
        redis.call('ZADD', KEYS[1], exact(now + tonumber(ARGV[2])), key)
        redis.call('HSET', KEYS[3], key, ARGV[3])
        unready(KEYS[2], KEYS[4], key)
        taken[#taken + 1] = key
    elseif redis.call('HGET', KEYS[3], key) == ARGV[3] then
        -- This very call: its answer was lost.
        taken[#taken + 1] = key
    else
        missing = true
    end
end
local next = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
local count = tonumber(ARGV[5])
if count == 0 and (came > 0 or missing) then count = tonumber(ARGV[6]) end
if count == 0 then return { exact(now), next[2] or '', taken } end
local told, from = redis.call('ZRANGE', KEYS[2], 0, count - 1, 'WITHSCORES'), ARGV[8]
local more = redis.call('ZCARD', KEYS[2]) > count
if more then
    -- One of each lane, whose keys may all be younger.
    for lane = 1, tonumber(ARGV[7]) do
        local first = redis.call('ZRANGEBYLEX', KEYS[4], from == '' and '-' or '[' .. from, '+', 'LIMIT', 0, 1)[1]
        if not first then
            from = ''
            break
        end
        local name, key = string.match(first, '^([^\n]*)\n(.*)$')
        local since = redis.call('ZSCORE', KEYS[2], key)
        if since then
            told[#told + 1] = key
            told[#told + 1] = since
        end
        -- Behind all of the lane: the sign after the one that ends its name.
        from = name .. '\11'
    end
else
    from = ''
end
return { exact(now), next[2] or '', taken, more and '1' or '0', from, told }
