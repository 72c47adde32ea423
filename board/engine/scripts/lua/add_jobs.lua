-- add_jobs: add up to 50 jobs to one queue, each as if added alone, in order.
-- KEYS    base
-- ARGV    jobs msgpack · apart flag
-- DERIVED every key of the queue under its base, and of the parents' queues
-- RETURNS for each job: its id · the id it is a duplicate of · -5 no such parent · -7 another parent has it; with `apart`,
--         for jobs of several callers, also the error that one of them met
-- EVENTS  added · waiting · delayed · waiting-children · duplicated · deduplicated · debounced · removed
-- COST    O(log n) a job; with keep-last deduplication O(active)
local base = KEYS[1]
local jobs, apart = cmsgpack.unpack(ARGV[1]), ARGV[2] == '1'
-- @include read_meta
-- @include add_one
-- @include push_pending
-- @include run_each
local meta = read_meta(base)

-- Where every job will be numbered, the numbers are taken at once: all have the same parent, which is there, or none.
local parent_key, are_alike = jobs[1] and jobs[1].parent_key, true
for _, job in ipairs(jobs) do
  are_alike = are_alike and job.parent_key == parent_key and not job.dedup
end
if are_alike and parent_key and redis.call('EXISTS', parent_key) == 1 then
  meta.parent_found = parent_key
end
if are_alike and meta.parent_found == parent_key then
  meta.number = redis.call('INCRBY', base .. 'id', #jobs) - #jobs
end
meta.pushed = {}
return run_each(base, meta, jobs, apart, add_one, push_pending)
