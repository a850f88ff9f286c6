-- What a cursor has to deliver next: the task's record if wanted, the cursor, whether the log ends with these events, the events
-- newest first, the credentials, and the delivery that it makes again.
local cursor = redis.call('HGET', keys.cursors, args.cursor)
local task = cursor and redis.call('HMGET', keys.task, 'last', 'ended_at')
if not cursor or not task[1] then return {} end
local record = args.wants_record == '1' and redis.call('HGET', keys.task, 'record') or ''
local event = tonumber(string.match(cursor, '^%S+'))
-- A cursor that makes a delivery again has one event only.
local last = tonumber(string.match(cursor, '^%S+ %S+ %S+ %S+ %S+ (%S+)') or task[1])
local upto = math.min(last, event + tonumber(args.events_max) - 1)
-- The history is newest first.
local events = upto >= event and redis.call('LRANGE', keys.history, -upto, -event) or {}
-- '-' where there were none; empty where they were forgotten.
local credentials = redis.call('HGET', keys.task, 'credentials') or '-'
local resent = args.resent_delivery ~= '' and redis.call('HGET', keys.deliveries, args.resent_delivery) or ''
return { record, cursor, task[2] and upto >= last and '1' or '0', events, credentials, resent }
