-- Stores what proves the key that credentials are sealed with, in the place of the one before. Gives the one that stands.
-- KEYS 1 state of the endpoints; ARGV 1 the one before, or empty 2 the new one
local stored = redis.call('HGET', KEYS[1], 'seal_proof')
if (stored or '') ~= ARGV[1] then return stored or '' end
redis.call('HSET', KEYS[1], 'seal_proof', ARGV[2])
return ARGV[2]
