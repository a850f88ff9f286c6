-- The revision of the named endpoints, and all of them unless the caller knows that revision.
local revision = redis.call('HGET', keys.state, 'revision') or '0'
if revision == args.known_revision then return { revision } end
return { revision, redis.call('HVALS', keys.endpoints) }
