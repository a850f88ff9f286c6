-- How a revision stands, and what its document holds.
-- KEYS 1 published so far 2 documents 3 staged; ARGV 1 revision 2 document
local staged = redis.call('HMGET', KEYS[3], 'points', 'calls')
return {
    redis.call('LPOS', KEYS[1], ARGV[1]) and '1' or '0',
    redis.call('HGET', KEYS[2], ARGV[2]) or '',
    staged[1] or '0',
    staged[2] or '0',
}
