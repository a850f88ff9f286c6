-- Gives a store its id unless it has one. Answers the store's id.
redis.call('SET', keys.identity, args.new, 'NX')
return redis.call('GET', keys.identity)
