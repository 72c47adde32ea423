-- read_finished: whether a job ended, and how.
-- KEYS    base
-- ARGV    job_id str
-- DERIVED the job's hash and the sets of ended jobs
-- RETURNS {-1 no such job · 0 not ended · 1 completed · 2 failed, its return value or failure text}
-- EVENTS  none
-- COST    O(1)
local base = KEYS[1]
local job_id = ARGV[1]
local key = base .. job_id
if redis.call('EXISTS', key) == 0 then
  return { -1, '' }
end
if redis.call('ZSCORE', base .. 'completed', job_id) then
  return { 1, redis.call('HGET', key, 'returnvalue') or '' }
end
if redis.call('ZSCORE', base .. 'failed', job_id) then
  return { 2, redis.call('HGET', key, 'failedReason') or '' }
end
return { 0, '' }
