-- What each script that stages begins with. All get the same keys, because what a revision stages expires together.
-- KEYS 1 published so far 2 staged 3 ids 4 vectors 5 points 6 nodes 7 edges 8 facts
-- ARGV 1 revision 2 token 3 milliseconds it is kept 4 most rows of a kind 5… the rows
-- This very call: its answer was lost.
if redis.call('HGET', KEYS[2], 'token') == ARGV[2] then return { 'done', '', '' } end
local function count(kind)
    return tonumber(redis.call('HGET', KEYS[2], kind) or 0)
end
local function refuse(why, what)
    return { why, tostring(what), tostring(count('points')) }
end
local function done(kind, total)
    redis.call('HSET', KEYS[2], 'token', ARGV[2], kind, total)
    redis.call('HINCRBY', KEYS[2], 'calls', 1)
    for index = 2, 8 do redis.call('PEXPIRE', KEYS[index], ARGV[3]) end
    return { 'done', '', '' }
end
if redis.call('LPOS', KEYS[1], ARGV[1]) then return refuse('published', '') end
