-- What a cursor looks at.
-- KEYS 1 task 2 history 3 cursors 4 deliveries
-- ARGV 2 cursor 3 whether the record is wanted: 1 or 0 4 most events 5 the delivery that it makes again, or empty
local cursor = redis.call('HGET', KEYS[3], ARGV[2])
local task = cursor and redis.call('HMGET', KEYS[1], 'last', 'ended_at')
if not cursor or not task[1] then return {} end
local record = ARGV[3] == '1' and redis.call('HGET', KEYS[1], 'record') or ''
local event = tonumber(string.match(cursor, '^%S+'))
-- One that makes a delivery again looks at its one event.
local last = tonumber(string.match(cursor, '^%S+ %S+ %S+ %S+ %S+ (%S+)') or task[1])
local upto = math.min(last, event + tonumber(ARGV[4]) - 1)
-- The history is newest first.
local events = upto >= event and redis.call('LRANGE', KEYS[2], -upto, -event) or {}
-- `-` where there were none; empty where they are gone.
local credentials = redis.call('HGET', KEYS[1], 'credentials') or '-'
local again = ARGV[5] ~= '' and redis.call('HGET', KEYS[4], ARGV[5]) or ''
return { record, cursor, task[2] and upto >= last and '1' or '0', events, credentials, again }
