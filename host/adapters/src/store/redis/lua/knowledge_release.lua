-- Takes a revision from those that hold their collection's model.
-- KEYS 1 model 2 holders; ARGV 1 holder 2 whether also where it is pinned: 1 or 0
if ARGV[2] == '0' and redis.call('ZSCORE', KEYS[2], ARGV[1]) == 'inf' then return 0 end
local removed = redis.call('ZREM', KEYS[2], ARGV[1])
if redis.call('EXISTS', KEYS[2]) == 0 then redis.call('DEL', KEYS[1]) end
return removed
