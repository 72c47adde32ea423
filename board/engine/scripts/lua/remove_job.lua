-- remove_job: remove a job, with its children if asked, unless a worker holds any of them.
-- With `set` only from there, and only the job that was seen: of that score, or added at that time.
-- KEYS    base
-- ARGV    job_id str · children flag · most_below int · set str · seen str · born str
-- DERIVED the queue's keys under its base, its parent's and its children's
-- RETURNS 1 removed or never there · 0 a worker holds it or a child · -3 not as it was seen any more
--         · -8 the pending iteration of a job scheduler
--         · -20 more than `most_below` jobs hang below it, or in lists that are too long
-- EVENTS  removed · waiting
-- COST    O(log n) a job; O(waiting) where it waits; with children O(most_below)
local base = KEYS[1]
local job_id, children, most_below = ARGV[1], ARGV[2] == '1', tonumber(ARGV[3])
local set, seen, born = ARGV[4], ARGV[5], ARGV[6]
-- @include has_locked
-- @include has_more_below
-- @include remove_tree
if seen ~= '' and redis.call('ZSCORE', base .. set, job_id) ~= seen then
  return -3
end
if born ~= '' then
  if redis.call('HGET', base .. job_id, 'timestamp') ~= born then
    return -3
  end
  for _, other in ipairs({ 'completed', 'failed', 'delayed', 'prioritized', 'waiting-children' }) do
    if other ~= set and redis.call('ZSCORE', base .. other, job_id) then
      return -3
    end
  end
end
local scheduler = redis.call('HGET', base .. job_id, 'rjk')
if scheduler then
  local pending = redis.call('ZSCORE', base .. 'repeat', scheduler)
  if pending and job_id == 'repeat:' .. scheduler .. ':' .. pending then
    return -8
  end
end
if children and has_more_below(base, job_id, most_below) then
  return -20
end
if has_locked(base, job_id, children) then
  return 0
end
remove_tree(base, job_id, { children = children })
return 1
