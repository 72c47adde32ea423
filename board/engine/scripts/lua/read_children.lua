-- read_children: some children of a job, failed ones first, however many it has.
-- KEYS    base
-- ARGV    job_id str · start int · size int
-- DERIVED the child collections of the job, the hashes and containers of the children shown
-- RETURNS {node, children, ordered}: the job and its children as `read_flow` tells them, and how many could be put in order
-- EVENTS  none
-- COST    O(children, at most 20,000 of them + size); writes nothing
local base = KEYS[1]
local job_id, start, size = unpack(ARGV)
start, size = tonumber(start), tonumber(size)
-- @include flow_node
-- @include ordered_children
local budget = { left = 1000000 }
local children = {}
local ordered, total = ordered_children(base .. job_id, start + size, { left = 20000 })
for i = start + 1, #ordered do
  children[#children + 1] = flow_node(ordered[i][1], nil, 1, ordered[i][2], 1, budget)
end
return { flow_node(base .. job_id, { base, job_id }, 0, 'root', 0, budget), children, total }
