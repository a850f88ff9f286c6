-- All named endpoints, unless nothing has changed since a revision.
-- KEYS 1 endpoints 2 state of them; ARGV 2 known revision, or empty
local revision = redis.call('HGET', KEYS[2], 'revision') or '0'
if revision == ARGV[2] then return { revision } end
return { revision, redis.call('HVALS', KEYS[1]) }
