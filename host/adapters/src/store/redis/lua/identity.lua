-- Gives a store its id, if it has none. Gives the one that stands.
-- KEYS 1 the id; ARGV 1 a new one
redis.call('SET', KEYS[1], ARGV[1], 'NX')
return redis.call('GET', KEYS[1])
