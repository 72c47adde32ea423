-- set_progress: store a job's progress and tell the listeners.
-- KEYS    base
-- ARGV    job_id str · progress json
-- DERIVED the job's hash, meta and events
-- RETURNS 0 stored · -1 no such job
-- EVENTS  progress
-- COST    O(1)
local base = KEYS[1]
local job_id, progress = ARGV[1], ARGV[2]
-- @include read_meta
-- @include emit_trimmed
local key = base .. job_id
if redis.call('EXISTS', key) == 0 then
  return -1
end
redis.call('HSET', key, 'progress', progress)
emit_trimmed(base, read_meta(base), 'progress', 'jobId', job_id, 'data', progress)
return 0
