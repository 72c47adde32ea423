-- update_data: replace a job's payload.
-- KEYS    job
-- ARGV    data json
-- RETURNS 0 done · -1 no such job
-- EVENTS  none
-- COST    O(1)
local job = KEYS[1]
local data = ARGV[1]
if redis.call('EXISTS', job) == 0 then
  return -1
end
redis.call('HSET', job, 'data', data)
return 0
