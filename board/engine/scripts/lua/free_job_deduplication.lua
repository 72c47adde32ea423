-- free_job_deduplication: delete a deduplication id if this job owns it.
-- KEYS    owner
-- ARGV    job_id str
-- RETURNS 1 deleted · 0 not its owner
-- EVENTS  none
-- COST    O(1)
local owner = KEYS[1]
local job_id = ARGV[1]
if redis.call('GET', owner) == job_id then
  return redis.call('DEL', owner)
end
return 0
