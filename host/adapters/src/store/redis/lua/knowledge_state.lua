-- Whether a revision was published, what its document holds, and how many points it has staged in how many calls.
local staged = redis.call('HMGET', keys.staged, 'points', 'calls')
return {
    redis.call('LPOS', keys.published, args.revision) and '1' or '0',
    redis.call('HGET', keys.documents, args.document) or '',
    staged[1] or '0',
    staged[2] or '0',
}
