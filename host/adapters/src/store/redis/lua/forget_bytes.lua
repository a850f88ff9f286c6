-- A task has no files any more.
-- KEYS 1 owners 2 bytes of each task 3 bytes of each tenant; ARGV 2 id
forget_bytes(KEYS[2], KEYS[3], ARGV[2], redis.call('HGET', KEYS[1], ARGV[2]))
return 1
