-- What a cursor looks at.
-- KEYS 1 task 2 history 3 cursors; ARGV 2 endpoint 3 whether the record is wanted: 1 or 0
local cursor = redis.call('HGET', KEYS[3], ARGV[2])
if not cursor or redis.call('EXISTS', KEYS[1]) == 0 then return {} end
local event = string.match(cursor, '^%S+')
local record = ARGV[3] == '1' and redis.call('HGET', KEYS[1], 'record') or ''
return { record, cursor, redis.call('LINDEX', KEYS[2], -tonumber(event)) or '' }
