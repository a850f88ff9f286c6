-- Whose turn it is, of a task that has its place in the chain or takes it now: its base, or the task before it.
-- KEYS 1 chain; ARGV 2 task 3 its deliveries so far 4 links remembered 5 milliseconds the chain is kept
local at = tonumber(redis.call('HGET', chain, 't/' .. ARGV[2]))
if not at then
    at = number('next')
    keep(at, { task = ARGV[2] })
    redis.call('HSET', chain, 't/' .. ARGV[2], exact(at), 'next', exact(at + 1))
    local oldest = number('oldest')
    while at + 1 - oldest > tonumber(ARGV[4]) do
        local old = link(oldest)
        if old and not old.delivered then break end
        if old then
            redis.call('HSET', chain, 'total', exact((old.base or 0) + old.delivered))
            redis.call('HDEL', chain, 'l/' .. exact(oldest))
        end
        oldest = oldest + 1
    end
    redis.call('HSET', chain, 'oldest', exact(oldest))
end
-- What is last known of it, should it be gone without a word.
redis.call('HSET', chain, 's/' .. ARGV[2], ARGV[3])
redis.call('PEXPIRE', chain, ARGV[5])
local first, place = head()
if place ~= at then return { 'after', first.task } end
if not first.base then
    -- What it has delivered in an earlier place is counted already.
    first.base = math.max(0, total(at) - tonumber(ARGV[3]))
    keep(at, first)
end
return { 'yes', exact(first.base) }
