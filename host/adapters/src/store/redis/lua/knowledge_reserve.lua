-- Reserves a collection's model for a revision with points, or says which one the collection has.
-- KEYS 1 model 2 holders
-- ARGV 2 holder 3 model 4 numbers of a vector 5 milliseconds it is held 6 most run-out holders that are removed
for _, gone in ipairs(redis.call('ZRANGE', KEYS[2], '-inf', exact(now), 'BYSCORE', 'LIMIT', 0, ARGV[6])) do
    redis.call('ZREM', KEYS[2], gone)
end
if redis.call('ZCOUNT', KEYS[2], '(' .. exact(now), '+inf') == 0 then
    redis.call('HSET', KEYS[1], 'model', ARGV[3], 'dimensions', ARGV[4])
else
    local has = redis.call('HMGET', KEYS[1], 'model', 'dimensions')
    if has[1] ~= ARGV[3] or has[2] ~= ARGV[4] then return has end
end
redis.call('ZADD', KEYS[2], 'GT', exact(now + tonumber(ARGV[5])), ARGV[2])
return {}
