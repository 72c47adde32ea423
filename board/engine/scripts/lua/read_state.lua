-- read_state: where a job is.
-- KEYS    base
-- ARGV    job_id str
-- DERIVED the queue's containers
-- RETURNS the state's name · unknown
-- EVENTS  none
-- COST    O(1) for sets and near the ends of `wait`, O(n) for the lists `active`, `wait` and `paused`
local base = KEYS[1]
local job_id = ARGV[1]
for _, set in ipairs({ 'completed', 'failed', 'delayed', 'prioritized', 'waiting-children' }) do
  if redis.call('ZSCORE', base .. set, job_id) then
    return set
  end
end
local function stands_in(list, ...)
  return redis.call('LPOS', base .. list, job_id, ...)
end
-- Whoever asks for many has them from one end of the line.
if stands_in('wait', 'MAXLEN', 1000) or stands_in('wait', 'RANK', -1, 'MAXLEN', 1000) then
  return 'waiting'
end
if stands_in('active') then
  return 'active'
end
if stands_in('wait') or stands_in('paused') then
  return 'waiting'
end
return 'unknown'
