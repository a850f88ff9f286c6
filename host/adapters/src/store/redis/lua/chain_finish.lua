-- Finishes a task's link of the chain. Answers the task whose turn it is now; empty for none.
local at = tonumber(redis.call('HGET', keys.chain, 't/' .. args.task))
if at then
    local own = link(at)
    local so_far = redis.call('HGET', keys.chain, 's/' .. args.task) or '0'
    own.base, own.delivered = own.base or total(at), tonumber(args.delivered) or tonumber(so_far)
    store_link(at, own)
    redis.call('HDEL', keys.chain, 't/' .. args.task, 's/' .. args.task)
    redis.call('PEXPIRE', keys.chain, args.kept)
end
local first = head()
return first and first.task or ''
