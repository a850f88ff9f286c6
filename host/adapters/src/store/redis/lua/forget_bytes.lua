-- A task has no files any more.
-- KEYS 1 task 2 owners 3 bytes of each task 4 bytes of each tenant; ARGV 2 id
forget_bytes(KEYS[3], KEYS[4], ARGV[2], owner_of(KEYS[1], KEYS[2], ARGV[2]))
return 1
