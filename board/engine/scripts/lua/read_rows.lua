-- read_rows: some jobs of one state as lines of a table, by their ids.
-- KEYS    base
-- ARGV    state str · packed jobs
-- DERIVED every key of the queue under its base
-- RETURNS rows as `job_row` makes them, each packed
-- EVENTS  none
-- COST    O(jobs), each cut to some kilobytes; writes nothing
local base = KEYS[1]
local state, packed = ARGV[1], ARGV[2]
-- @include job_row
local budget = { left = 16777216 }
local rows = {}
for i, pair in ipairs(cmsgpack.unpack(packed)) do
  rows[i] = cmsgpack.pack(job_row(base, pair[1], state, pair[2], budget))
end
return rows
