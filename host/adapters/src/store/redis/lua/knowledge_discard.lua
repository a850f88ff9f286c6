-- Forgets what a revision staged, unless it is published.
-- KEYS 1 published so far 2… what it staged; ARGV 1 revision
if redis.call('LPOS', KEYS[1], ARGV[1]) then return 0 end
for index = 2, #KEYS do redis.call('UNLINK', KEYS[index]) end
return 1
