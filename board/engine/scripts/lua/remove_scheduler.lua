-- remove_scheduler: delete a job scheduler and its pending run, if that is still delayed.
-- KEYS    base
-- ARGV    scheduler str
-- DERIVED the queue's keys under its base
-- RETURNS 0 removed · 1 there was none
-- EVENTS  removed
-- COST    O(log n)
local base = KEYS[1]
local scheduler = ARGV[1]
-- @include delete_job_keys
-- @include emit
local pending = redis.call('ZSCORE', base .. 'repeat', scheduler)
if pending then
  local job_id = 'repeat:' .. scheduler .. ':' .. pending
  if redis.call('ZREM', base .. 'delayed', job_id) == 1 then
    delete_job_keys(base, job_id)
    emit(base, 'removed', 'jobId', job_id, 'prev', 'delayed')
  end
end
if redis.call('ZREM', base .. 'repeat', scheduler) == 0 then
  return 1
end
redis.call('DEL', base .. 'repeat:' .. scheduler)
return 0
