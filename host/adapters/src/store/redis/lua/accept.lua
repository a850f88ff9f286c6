-- Stores a task, its cursors and its entry in the due-queue. Answers 'new', 'exists' or 'vetoed'.
local id, rank = args.id, args.rank
if redis.call('EXISTS', keys.task) == 1 then return 'exists' end
if redis.call('EXISTS', keys.veto) == 1 then return 'vetoed' end
redis.call('HSET', keys.task, 'record', args.record, 'summary', args.summary, 'document', args.document, 'number', args.number,
    'rank', rank, 'status', 'pending', 'progress', '0', 'live', '0', 'last', '0', 'running', '')
if args.credentials ~= '' then redis.call('HSET', keys.task, 'credentials', args.credentials) end
local tenant = args.tenant ~= '' and args.tenant
if tenant then
    redis.call('HSET', keys.task, 'tenant', tenant)
    redis.call('HSET', keys.owners, id, tenant)
end
add_bytes(id, tenant, args.bytes)
for index = 1, #args.cursor_names do
    redis.call('HSET', keys.cursors, args.cursor_names[index], '1 1 0 - -')
end
redis.call('HSET', keys.ranks, id, rank)
make_ready(keys.ready, keys.since, id, rank, exact(now))
redis.call('ZADD', keys.tasks, args.number, id)
redis.call('ZADD', keys.pending, args.number, id)
redis.call('PUBLISH', args.channel, args.wake .. ' r ' .. rank)
return 'new'
