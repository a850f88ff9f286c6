-- Removes what a revision staged, unless it is published. Answers whether it did.
if redis.call('LPOS', keys.published, args.revision) then return 0 end
for index = 1, #keys.staged_keys do redis.call('UNLINK', keys.staged_keys[index]) end
return 1
