-- Claims a revision for a document. Answers 0 where it belongs to another: the first that claimed it.
local owner = redis.call('GET', keys.owner)
if owner and owner ~= args.document then return 0 end
redis.call('SET', keys.owner, args.document, 'PX', args.kept)
return 1
