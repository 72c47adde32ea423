-- add_jobs: add up to 50 jobs to one queue, each as if added alone, in order.
-- KEYS    base
-- ARGV    jobs msgpack
-- DERIVED every key of the queue under its base, and of the parents' queues
-- RETURNS for each job: its id · the id it is a duplicate of · -5 no such parent · -7 another parent has it
-- EVENTS  added · waiting · delayed · waiting-children · duplicated · deduplicated · debounced · removed
-- COST    O(log n) a job; with keep-last deduplication O(active)
local base = KEYS[1]
local jobs = cmsgpack.unpack(ARGV[1])
-- @include read_meta
-- @include add_one
local meta = read_meta(base)
local results = {}
for i, job in ipairs(jobs) do
  results[i] = add_one(base, meta, job)
end
return results
