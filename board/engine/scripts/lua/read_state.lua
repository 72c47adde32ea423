-- read_state: where a job is.
-- KEYS    base
-- ARGV    job_id str
-- DERIVED the queue's containers
-- RETURNS the state's name · unknown
-- EVENTS  none
-- COST    O(1) for sets, O(n) for the lists `active`, `wait` and `paused`
local base = KEYS[1]
local job_id = ARGV[1]
for _, set in ipairs({ 'completed', 'failed', 'delayed', 'prioritized' }) do
  if redis.call('ZSCORE', base .. set, job_id) then
    return set
  end
end
if redis.call('LPOS', base .. 'active', job_id) then
  return 'active'
end
if redis.call('LPOS', base .. 'wait', job_id) or redis.call('LPOS', base .. 'paused', job_id) then
  return 'waiting'
end
if redis.call('ZSCORE', base .. 'waiting-children', job_id) then
  return 'waiting-children'
end
return 'unknown'
