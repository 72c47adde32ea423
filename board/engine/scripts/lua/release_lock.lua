-- release_lock: delete a job's lock if it is ours.
-- KEYS    lock
-- ARGV    token str
-- RETURNS 1 deleted · 0 not ours
-- EVENTS  none
-- COST    O(1)
local lock = KEYS[1]
local token = ARGV[1]
if redis.call('GET', lock) == token then
  return redis.call('DEL', lock)
end
return 0
