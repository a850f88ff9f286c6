-- Makes a revision its document's content. Answers 'done', 'changed' where the document does not hold what the caller saw, or 'lost'
-- where some of what was staged is missing.
if redis.call('LPOS', keys.published, args.revision) then return 'done' end
if (redis.call('HGET', keys.documents, args.document) or '') ~= args.seen then return 'changed' end
local staged = redis.call('HMGET', keys.staged, 'points', 'nodes', 'edges', 'facts', 'dimensions', 'calls')
for index = 1, 6 do staged[index] = staged[index] or '0' end
if tonumber(staged[6]) < tonumber(args.calls_min) then return 'lost' end

for index = 1, #keys.replaced do redis.call('UNLINK', keys.replaced[index]) end
redis.call('UNLINK', keys.staged, keys.ids)
redis.call('LPUSH', keys.published, args.revision)
redis.call('LTRIM', keys.published, 0, tonumber(args.remembered_max) - 1)
if staged[1] == '0' and staged[2] == '0' and staged[3] == '0' and staged[4] == '0' then
    redis.call('HDEL', keys.documents, args.document)
    redis.call('PEXPIRE', keys.published, args.remembered)
else
    redis.call('HSET', keys.documents, args.document, args.revision .. ' ' .. table.concat(staged, ' ', 1, 5))
    for _, key in ipairs({ keys.vectors, keys.points, keys.nodes, keys.edges, keys.facts, keys.published }) do
        redis.call('PERSIST', key)
    end
end
return 'done'
