-- bury_failed_job: move a failed job into a dead-letter queue.
-- KEYS    base · grave
-- ARGV    job_id str · origin str · prefix str · now int · seen str
-- DERIVED the keys of both queues under their bases, and the job's parent's
-- RETURNS 1 moved · -1 no such job · -3 not failed, or not with the score `seen` any more
-- EVENTS  added · waiting · removed
-- COST    O(log n)
local base, grave = KEYS[1], KEYS[2]
local job_id, origin, prefix, now, seen = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
-- @include read_meta
-- @include bury_job
-- @include forget_job
-- @include emit_trimmed
local key = base .. job_id
if redis.call('EXISTS', key) == 0 then
  return -1
end
if seen ~= '' and redis.call('ZSCORE', base .. 'failed', job_id) ~= seen then
  return -3
end
if redis.call('ZREM', base .. 'failed', job_id) == 0 then
  return -3
end
local meta = read_meta(base)
local reason = redis.call('HGET', key, 'failedReason') or ''
bury_job({ base = grave, origin = origin, prefix = prefix }, job_id, key, reason, now)
forget_job(base, meta, job_id, false, true)
emit_trimmed(base, meta, 'removed', 'jobId', job_id, 'prev', 'failed')
return 1
