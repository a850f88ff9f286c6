-- Adds a task to the chain unless it has a link already. Answers 'yes' and the task's base where it is its turn, else 'after' and
-- the task before it.
local at = tonumber(redis.call('HGET', keys.chain, 't/' .. args.task))
if not at then
    at = number('next')
    store_link(at, { task = args.task })
    redis.call('HSET', keys.chain, 't/' .. args.task, exact(at), 'next', exact(at + 1))
    local oldest = number('oldest')
    while at + 1 - oldest > tonumber(args.links_max) do
        local old = link(oldest)
        if old and not old.delivered then break end
        if old then
            redis.call('HSET', keys.chain, 'total', exact((old.base or 0) + old.delivered))
            redis.call('HDEL', keys.chain, 'l/' .. exact(oldest))
        end
        oldest = oldest + 1
    end
    redis.call('HSET', keys.chain, 'oldest', exact(oldest))
end
-- Used where the task disappears without finishing its link.
redis.call('HSET', keys.chain, 's/' .. args.task, args.delivered)
redis.call('PEXPIRE', keys.chain, args.kept)
local first, turn = head()
if turn ~= at then return { 'after', first.task } end
if not first.base then
    -- The total counts already what the task has delivered under an earlier link.
    first.base = math.max(0, total(at) - tonumber(args.delivered))
    store_link(at, first)
end
return { 'yes', exact(first.base) }
