-- read_queues: one line for each of some queues of one cluster slot: counts, conditions, since when the next job waits.
-- KEYS    bases
-- ARGV    none
-- DERIVED the containers, meta and limiter of each queue, and the hashes of at most five of its waiting jobs
-- RETURNS for each base: counts, meta, limiter, limiter_ms, waiting_since and problems, as a flat list of names and values
-- EVENTS  none
-- COST    O(1) a queue; writes nothing
local bases = KEYS
-- @include queue_summary
local queues = {}
for i, base in ipairs(bases) do
  queues[i] = queue_summary(base)
end
return queues
