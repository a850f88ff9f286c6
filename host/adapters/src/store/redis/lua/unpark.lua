-- Makes a parked cursor due. 1: it was parked, 0: it was not, or is gone.
-- KEYS 1 task 2 history 3 cursors 4 deliveries 5 attempts, 6 parked, 7 due 8 ready 9 leases 10 lanes of deliveries
-- ARGV 2 key 3 cursor 4 token 5 channel 6 wake
local cursor = redis.call('HGET', KEYS[3], ARGV[3])
local place_of, made, rest = string.match(cursor or '', '^(%S+ %S+ %S+) (%S+) %S+(.*)$')
-- This very call: its answer was lost.
if made == ARGV[4] then return { 1, 'u' } end
if redis.call('ZREM', KEYS[6], ARGV[2]) == 0 or not cursor then return { 0, '' } end
redis.call('HSET', KEYS[3], ARGV[3], place_of .. ' ' .. ARGV[4] .. ' idle' .. rest)
for index = 1, 5 do redis.call('PERSIST', KEYS[index]) end
return { 1, place(KEYS[7], KEYS[8], KEYS[10], KEYS[9], ARGV[2], 0, exact(now), ARGV[5], ARGV[6]) }
