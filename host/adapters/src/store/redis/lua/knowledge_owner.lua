-- Says whether a revision is this document's: it belongs to the one that came with it first.
-- KEYS 1 owner; ARGV 1 collection and document 2 milliseconds it is remembered
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
