-- Takes named cursors of a bucket under leases where they are still due. Answers the time, when the next cursor comes due, the
-- cursors taken, and, where a listing is due, whether the bucket has more than it lists, where the next listing of lanes begins,
-- and due cursors with the time since which each is due.
local moved, missing, taken = collect(keys.due, keys.ready, keys.lanes, nil, args.collected_max), false, {}
for index = 1, #args.wanted do
    local key = args.wanted[index]
    if redis.call('ZSCORE', keys.ready, key) then
        -- Writes that need memory come first: a full Redis refuses the script here, before anything has changed. Otherwise a delivery
        -- would be sent, could not be recorded, and would be sent again and again.
        redis.call('ZADD', keys.due, exact(now + tonumber(args.lease)), key)
        redis.call('HSET', keys.leases, key, args.fence)
        unready(keys.ready, keys.lanes, key)
        taken[#taken + 1] = key
    elseif redis.call('HGET', keys.leases, key) == args.fence then
        -- The same call was made before, and its answer was lost.
        taken[#taken + 1] = key
    else
        missing = true
    end
end
local next = redis.call('ZRANGE', keys.due, 0, 0, 'WITHSCORES')
local lists = args.wants_listing == '1' or moved > 0 or missing
if not lists then return { exact(now), next[2] or '', taken } end
local count = tonumber(args.listed_max)
local listed, from = redis.call('ZRANGE', keys.ready, 0, count - 1, 'WITHSCORES'), args.lanes_from
local more = redis.call('ZCARD', keys.ready) > count
if more then
    -- One cursor of each lane: all those of a lane may be younger than the ones listed.
    for lane = 1, tonumber(args.lanes_max) do
        local first = redis.call('ZRANGEBYLEX', keys.lanes, from == '' and '-' or '[' .. from, '+', 'LIMIT', 0, 1)[1]
        if not first then
            from = ''
            break
        end
        local name, key = string.match(first, '^([^\n]*)\n(.*)$')
        local since = redis.call('ZSCORE', keys.ready, key)
        if since then
            listed[#listed + 1] = key
            listed[#listed + 1] = since
        end
        -- After every cursor of the lane: the character that follows the one which ends the lane's name.
        from = name .. '\11'
    end
else
    from = ''
end
return { exact(now), next[2] or '', taken, more and '1' or '0', from, listed }
