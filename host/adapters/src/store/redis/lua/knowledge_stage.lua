-- Common beginning of the scripts that stage rows of one kind. They have the same keys, because everything that a revision stages
-- expires together. Answers 'done', or why it refuses, with the row and the revision's number of points.
-- The same call was made before, and its answer was lost.
if redis.call('HGET', keys.staged, 'token') == args.token then return { 'done', '', '' } end
local function count(kind)
    return tonumber(redis.call('HGET', keys.staged, kind) or 0)
end
local function refuse(why, what)
    return { why, tostring(what), tostring(count('points')) }
end
local function done(kind, total)
    redis.call('HSET', keys.staged, 'token', args.token, kind, total)
    redis.call('HINCRBY', keys.staged, 'calls', 1)
    for _, key in ipairs({ keys.staged, keys.ids, keys.vectors, keys.points, keys.nodes, keys.edges, keys.facts }) do
        redis.call('PEXPIRE', key, args.kept)
    end
    return { 'done', '', '' }
end
if redis.call('LPOS', keys.published, args.revision) then return refuse('published', '') end
