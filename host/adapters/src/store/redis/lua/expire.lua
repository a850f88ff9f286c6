-- Removes an ended task with everything it had, unless something is still to be delivered. Answers whether it did.
local id = args.id
-- It may run again since it was found among the ended tasks.
local status = redis.call('HGET', keys.task, 'status')
if status == 'pending' or status == 'in_progress' then return 0 end
local cursors = redis.call('HKEYS', keys.cursors)
for _, cursor in ipairs(cursors) do
    local key = id .. '/' .. cursor
    if redis.call('ZSCORE', keys.delivery_due, key) or redis.call('ZSCORE', keys.delivery_ready, key) then return 0 end
end
for _, cursor in ipairs(cursors) do
    redis.call('HDEL', keys.delivery_leases, id .. '/' .. cursor)
end
local tenant = owner_of(id)
local recent = owned(keys.recent, tenant)
for sequence = 1, tonumber(redis.call('HGET', keys.task, 'last') or '0') do
    redis.call('ZREM', recent, id .. '/' .. string.format('%06d', sequence))
end
each_task_key('DEL')
redis.call('ZREM', keys.due, id)
unready(keys.ready, keys.since, id)
for _, hash in ipairs({ keys.ranks, keys.leases, keys.fences }) do redis.call('HDEL', hash, id) end
redis.call('ZREM', keys.ended, id)
for _, list in ipairs({ keys.tasks, keys.pending, keys.in_progress, keys.completed, keys.failed, keys.cancelled }) do
    redis.call('ZREM', owned(list, tenant), id)
end
forget_bytes(id, tenant)
redis.call('HDEL', keys.owners, id)
-- Everything that begins with the id and '/': the next character is '0'.
redis.call('ZREMRANGEBYLEX', keys.parked, '[' .. id .. '/', '(' .. id .. '0')
local members = {}
for index = 1, #args.members do members[index] = args.members[index] end
for index = 1, #keys.endpoint_lists do write('ZREM', keys.endpoint_lists[index], members) end
return 1
