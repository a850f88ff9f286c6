-- Replaces the proof of the key that credentials are sealed with, if the stored one is the one that the caller knows. Answers the
-- proof that is stored now.
local stored = redis.call('HGET', keys.state, 'seal_proof')
if (stored or '') ~= args.before then return stored or '' end
redis.call('HSET', keys.state, 'seal_proof', args.proof)
return args.proof
