-- remove_pending_children: remove the children of a job that have not ended and that no worker holds.
-- KEYS    base
-- ARGV    job_id str
-- DERIVED the children's keys and those of their queues
-- RETURNS 0
-- EVENTS  removed · waiting
-- COST    O(children)
local base = KEYS[1]
local job_id = ARGV[1]
-- @include child_place
-- @include remove_tree
for _, key in ipairs(redis.call('SMEMBERS', base .. job_id .. ':dependencies')) do
  local child_base, child_id = child_place(base, key)
  remove_tree(child_base, child_id, { children = true, pending_only = true, unlocked_only = true })
end
return 0
