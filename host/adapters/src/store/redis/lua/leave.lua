-- A task waits no more: it has begun, or never will.
-- KEYS 1 waiting 2 flows 3 virtual time; ARGV 2 task 3 whether it has begun: 1 or 0
-- 4 weight of its flow where it was refused, else empty
local known = redis.call('HGET', KEYS[1], ARGV[2])
if not known then return 0 end
local rank, name = string.match(known, '^(%S+) %S+ %S+ (.*)$')
redis.call('HDEL', KEYS[1], ARGV[2])
local flow = redis.call('HGET', KEYS[2], name)
if flow then
    local waiting, last = string.match(flow, '^(%S+) (%S+)$')
    -- A refused task gives its rank back, unless another has come after it.
    if ARGV[4] ~= '' and last == rank then
        last = string.format('%.17g', tonumber(rank) - 1 / tonumber(ARGV[4]))
    end
    if tonumber(waiting) > 1 then
        redis.call('HSET', KEYS[2], name, (tonumber(waiting) - 1) .. ' ' .. last)
    else
        redis.call('HDEL', KEYS[2], name)
    end
end
if ARGV[3] == '1' and tonumber(rank) > tonumber(redis.call('GET', KEYS[3]) or '0') then
    redis.call('SET', KEYS[3], rank)
end
return 1
