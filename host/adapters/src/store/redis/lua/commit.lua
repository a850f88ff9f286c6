-- Applies a commit to a task: its events, its state and when it runs next. Answers 'unknown', 'stale', 'gone', or 'done' with the
-- state before, where the task's key and its cursors' keys are scheduled now, and the name of its entry in the waiting list.
local id, token, ended = args.id, args.token, args.is_ended == '1'
local task = redis.call('HMGET', keys.task, 'status', 'last', 'live', 'progress', 'token', 'number', 'rank', 'ended_at', 'waits',
    'place', 'files_gone')
local status, last, rank = task[1], tonumber(task[2]), task[7]
if not status then return { 'unknown' } end
-- The same commit was made before, and its answer was lost. Where it has scheduled keys must be read again.
if task[5] == token then return { 'done', 'pending', 'u', 'u', task[10] or '' } end
if args.guard == 'lease' then
    if redis.call('HGET', keys.leases, id) ~= args.guard_value then return { 'stale' } end
elseif args.guard_value ~= task[2] or (ended and tonumber(args.live) < tonumber(task[3])) then
    return { 'stale' }
end
if args.first_sequence ~= '' and tonumber(args.first_sequence) ~= last + 1 then return { 'stale' } end
-- The task was to run again, but its files are deleted.
if task[8] and not ended and task[11] then return { 'gone' } end

local tenant = owner_of(id)
local recent, has_events = owned(keys.recent, tenant), #args.events > 0
for index = 1, #args.events, 2 do
    last = last + 1
    redis.call('LPUSH', keys.history, args.events[index + 1])
    -- The entry's id is the server's time, and never before that of the entry above it: readers continue from it.
    redis.call('XADD', keys.feed, 'MAXLEN', '~', args.feed_max, '*', 'e', id .. '/' .. exact(last))
    redis.call('ZADD', recent, args.events[index], id .. '/' .. string.format('%06d', last))
end
add_bytes(id, tenant, args.bytes)
local progress = math.max(tonumber(task[4]), tonumber(args.progress))
redis.call('HSET', keys.task, 'status', args.status, 'last', exact(last), 'live', args.live, 'progress', exact(progress), 'token', token)
-- A task that runs again waits until its next commit, which removes its waiting entry as it does for a task that had not begun. The
-- entry's name stays, for a commit that is sent twice and for the sweep.
local before, entry = task[9] and 'pending' or status, task[10] or ''
if args.waiting_rank ~= '' then
    rank = args.waiting_rank
    redis.call('HSET', keys.task, 'rank', rank, 'waits', '1', 'place', args.waiting_entry)
elseif task[9] then
    redis.call('HDEL', keys.task, 'waits')
end
if args.running == '-' then
    redis.call('HSET', keys.task, 'running', '')
elseif args.running ~= '' then
    redis.call('HSET', keys.task, 'running', args.running)
end
if args.status ~= status then
    local lists = { pending = keys.pending, in_progress = keys.in_progress, completed = keys.completed, failed = keys.failed,
        cancelled = keys.cancelled }
    for _, list in pairs(lists) do redis.call('ZREM', owned(list, tenant), id) end
    redis.call('ZADD', owned(lists[args.status], tenant), task[6], id)
end
if ended and not task[8] then
    redis.call('HSET', keys.task, 'ended_at', exact(now))
    redis.call('ZADD', keys.ended, exact(now), id)
elseif not ended and task[8] then
    redis.call('HDEL', keys.task, 'ended_at')
    redis.call('ZREM', keys.ended, id)
    each_task_key('PERSIST')
end

local task_update = ''
if args.next == 'at' then
    redis.call('HSET', keys.ranks, id, rank)
    task_update = reschedule(keys.due, keys.ready, keys.since, keys.leases, id, tonumber(args.delay), rank, args.channel,
        args.task_wake)
elseif args.next == 'done' then
    redis.call('ZREM', keys.due, id)
    unready(keys.ready, keys.since, id)
    redis.call('HDEL', keys.ranks, id)
    redis.call('HDEL', keys.leases, id)
end

-- Cursors that waited for an event have one now. Not those that are parked, nor those that make a delivery again.
local woken, has_scheduled = {}, false
local cursors = redis.call('HGETALL', keys.cursors)
for index = 1, #cursors, 2 do
    local key, stored = id .. '/' .. cursors[index], cursors[index + 1]
    if redis.call('ZSCORE', keys.delivery_due, key) or redis.call('ZSCORE', keys.delivery_ready, key) then
        has_scheduled = true
    elseif has_events and not string.find(key, '#', 1, true) and not string.find(stored, ' parked$') then
        make_ready(keys.delivery_ready, keys.lanes, key, exact(now), exact(now))
        woken[#woken + 1] = key
    end
end
local cursor_update = ''
if #woken > 0 then
    cursor_update = 'k ' .. exact(now) .. ' ' .. table.concat(woken, '\n')
    redis.call('PUBLISH', args.channel, args.delivery_wake .. ' ' .. cursor_update)
end
if has_events then
    redis.call('ZREMRANGEBYRANK', recent, 0, -1 - tonumber(args.recent_max))
    redis.call('PEXPIRE', recent, args.history_kept)
    redis.call('PEXPIRE', keys.feed, args.history_kept)
    redis.call('PUBLISH', args.feed_channel, '')
end
-- Nothing is left to deliver: the task expires from now on.
if ended and not has_scheduled and #woken == 0 then each_task_key('PEXPIRE', args.history_kept) end
return { 'done', before, task_update, cursor_update, entry }
