-- Removes a named endpoint. Answers 0 where there was none.
-- The same call was made before, and its answer was lost.
if redis.call('HGET', keys.state, 'removed') == args.token then return 1 end
local is_current = creators_are_current()
if redis.call('HDEL', keys.endpoints, args.id) == 0 then return 0 end
local revision = redis.call('HINCRBY', keys.state, 'revision', 1)
redis.call('HSET', keys.state, 'removed', args.token)
if is_current then
    redis.call('HDEL', keys.creators, args.id)
    redis.call('HSET', keys.state, 'creators_revision', revision)
end
return 1
