-- remove_job: remove a job, with its children if asked, unless a worker holds any of them.
-- KEYS    base
-- ARGV    job_id str · children flag · most_below int
-- DERIVED the queue's keys under its base, its parent's and its children's
-- RETURNS 1 removed or never there · 0 a worker holds it or a child · -8 the pending iteration of a job scheduler
--         · -20 more than `most_below` jobs hang below it
-- EVENTS  removed · waiting
-- COST    O(log n) a job; O(waiting) where it waits; with children O(most_below)
local base = KEYS[1]
local job_id, children, most_below = ARGV[1], ARGV[2] == '1', tonumber(ARGV[3])
-- @include has_locked
-- @include has_more_below
-- @include remove_tree
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
