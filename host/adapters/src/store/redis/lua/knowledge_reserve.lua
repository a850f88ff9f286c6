-- Reserves a collection's model for a revision with points. Answers the collection's model and dimensions where they are others.
for _, gone in ipairs(redis.call('ZRANGE', keys.holders, '-inf', exact(now), 'BYSCORE', 'LIMIT', 0, args.removed_max)) do
    redis.call('ZREM', keys.holders, gone)
end
if redis.call('ZCOUNT', keys.holders, '(' .. exact(now), '+inf') == 0 then
    redis.call('HSET', keys.model, 'model', args.wanted_model, 'dimensions', args.dimensions)
else
    local has = redis.call('HMGET', keys.model, 'model', 'dimensions')
    if has[1] ~= args.wanted_model or has[2] ~= args.dimensions then return has end
end
redis.call('ZADD', keys.holders, 'GT', exact(now + tonumber(args.held)), args.holder)
return {}
