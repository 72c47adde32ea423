-- remove_pending_children: remove the children of a job that have not ended and that no worker holds.
-- KEYS    base
-- ARGV    job_id str · most_below int
-- DERIVED the children's keys and those of their queues
-- RETURNS 0 · -20 more than `most_below` jobs hang below it, or in lists that are too long
-- EVENTS  removed · waiting
-- COST    O(most_below)
local base = KEYS[1]
local job_id, most_below = ARGV[1], tonumber(ARGV[2])
-- @include child_place
-- @include has_more_below
-- @include remove_tree
if has_more_below(base, job_id, most_below) then
  return -20
end
local options = { children = true, pending_only = true, unlocked_only = true }
for _, key in ipairs(redis.call('SMEMBERS', base .. job_id .. ':dependencies')) do
  local child_base, child_id = child_place(base, key)
  remove_tree(child_base, child_id, options)
end
return 0
