-- Takes a task one step on.
-- KEYS 1 task 2 history 3 cursors 4 deliveries 5 attempts, 6 due 7 ready 8 ranks 9 leases of tasks, 10 due 11 ready of
-- deliveries, 12 recent 13 ended 14… tasks in each state, 19 feed 20 lanes of
-- deliveries 21 since when tasks are due 22 owners 23 bytes of each task 24 of each tenant
-- ARGV 2 id 3 token 4 guard: lease or sequence 5 its value 6 first new sequence, or empty 7 place of the state's key
-- 8 state 9 whether that has ended: 1 or 0 10 live percent 11 percent reached 12 running step: empty leaves it, - none
-- 13 next: keep, at or done 14 delay, milliseconds 15 most recent events kept 16 milliseconds they and an ended task are
-- kept 17 channel 18 wake of tasks 19 wake of deliveries 20 most events of the feed 21 channel of the feed 22 bytes
-- of new files 23 of a task that runs again and waits for that: its rank, else empty 24 name of its place, else empty
-- 25… time and JSON of each event
local id, token, ended = ARGV[2], ARGV[3], ARGV[9] == '1'
local task = redis.call('HMGET', KEYS[1], 'status', 'last', 'live', 'progress', 'token', 'number', 'rank', 'ended_at', 'waits',
    'place', 'files_gone')
local status, last, rank = task[1], tonumber(task[2]), task[7]
if not status then return { 'unknown' } end
-- This very commit: its answer was lost. Where it has placed keys must be looked up.
if task[5] == token then return { 'done', 'pending', 'u', 'u', task[10] or '' } end
if ARGV[4] == 'lease' then
    if redis.call('HGET', KEYS[9], id) ~= ARGV[5] then return { 'stale' } end
elseif ARGV[5] ~= task[2] or (ended and tonumber(ARGV[10]) < tonumber(task[3])) then
    return { 'stale' }
end
if ARGV[6] ~= '' and tonumber(ARGV[6]) ~= last + 1 then return { 'stale' } end
-- It was to run again.
if task[8] and not ended and task[11] then return { 'gone' } end

local tenant = owner_of(KEYS[1], KEYS[22], id)
local recent = owned(KEYS[12], tenant)
for index = 25, #ARGV, 2 do
    last = last + 1
    redis.call('LPUSH', KEYS[2], ARGV[index + 1])
    -- By the server's time, and never before the entry above it: what readers go on from.
    redis.call('XADD', KEYS[19], 'MAXLEN', '~', ARGV[20], '*', 'e', id .. '/' .. exact(last))
    redis.call('ZADD', recent, ARGV[index], id .. '/' .. string.format('%06d', last))
end
add_bytes(KEYS[23], KEYS[24], id, tenant, ARGV[22])
local progress = math.max(tonumber(task[4]), tonumber(ARGV[11]))
redis.call('HSET', KEYS[1], 'status', ARGV[8], 'last', exact(last), 'live', ARGV[10], 'progress', exact(progress), 'token', token)
-- It waits until the next commit, which settles its place as that of a task which had not begun. The name of the place stays, for
-- a commit that is sent twice and for the sweep.
local before, named = task[9] and 'pending' or status, task[10] or ''
if ARGV[23] ~= '' then
    rank = ARGV[23]
    redis.call('HSET', KEYS[1], 'rank', rank, 'waits', '1', 'place', ARGV[24])
elseif task[9] then
    redis.call('HDEL', KEYS[1], 'waits')
end
if ARGV[12] == '-' then
    redis.call('HSET', KEYS[1], 'running', '')
elseif ARGV[12] ~= '' then
    redis.call('HSET', KEYS[1], 'running', ARGV[12])
end
if ARGV[8] ~= status then
    for index = 14, 18 do redis.call('ZREM', owned(KEYS[index], tenant), id) end
    redis.call('ZADD', owned(KEYS[13 + tonumber(ARGV[7])], tenant), task[6], id)
end
if ended and not task[8] then
    redis.call('HSET', KEYS[1], 'ended_at', exact(now))
    redis.call('ZADD', KEYS[13], exact(now), id)
elseif not ended and task[8] then
    redis.call('HDEL', KEYS[1], 'ended_at')
    redis.call('ZREM', KEYS[13], id)
    for index = 1, 5 do redis.call('PERSIST', KEYS[index]) end
end

local moved = ''
if ARGV[13] == 'at' then
    redis.call('HSET', KEYS[8], id, rank)
    moved = place(KEYS[6], KEYS[7], KEYS[21], KEYS[9], id, tonumber(ARGV[14]), rank, ARGV[17], ARGV[18])
elseif ARGV[13] == 'done' then
    redis.call('ZREM', KEYS[6], id)
    unready(KEYS[7], KEYS[21], id)
    redis.call('HDEL', KEYS[8], id)
    redis.call('HDEL', KEYS[9], id)
end

-- Cursors that wait for an event have one now; not those that are parked, nor those that make a delivery again.
local roused, waits = {}, false
local cursors = redis.call('HGETALL', KEYS[3])
for index = 1, #cursors, 2 do
    local key, stored = id .. '/' .. cursors[index], cursors[index + 1]
    if redis.call('ZSCORE', KEYS[10], key) or redis.call('ZSCORE', KEYS[11], key) then
        waits = true
    elseif #ARGV >= 25 and not string.find(key, '#', 1, true) and not string.find(stored, ' parked$') then
        make_ready(KEYS[11], KEYS[20], key, exact(now), exact(now))
        roused[#roused + 1] = key
    end
end
local hint = ''
if #roused > 0 then
    hint = 'k ' .. exact(now) .. ' ' .. table.concat(roused, '\n')
    redis.call('PUBLISH', ARGV[17], ARGV[19] .. ' ' .. hint)
end
if #ARGV >= 25 then
    redis.call('ZREMRANGEBYRANK', recent, 0, -1 - tonumber(ARGV[15]))
    redis.call('PEXPIRE', recent, ARGV[16])
    redis.call('PEXPIRE', KEYS[19], ARGV[16])
    redis.call('PUBLISH', ARGV[21], '')
end
-- Nothing is left to deliver: history's time runs.
if ended and not waits and #roused == 0 then
    for index = 1, 5 do redis.call('PEXPIRE', KEYS[index], ARGV[16]) end
end
return { 'done', before, moved, hint, named }
