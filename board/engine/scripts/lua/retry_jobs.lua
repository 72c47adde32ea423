-- retry_jobs: make the oldest jobs of a set runnable, in one bounded step.
-- KEYS    base
-- ARGV    set str · count int · max_score float
-- DERIVED the queue's keys under its base, and their parents'
-- RETURNS how many went back in line
-- EVENTS  waiting
-- COST    O(count log n); count is at most 100
local base = KEYS[1]
local set, count, max_score = ARGV[1], math.min(tonumber(ARGV[2]), 100), ARGV[3]
-- @include read_meta
-- @include waiting_list
-- @include wake_worker
-- @include reattach_to_parent
-- @include emit_trimmed
local ids = redis.call('ZRANGEBYSCORE', base .. set, 0, max_score, 'LIMIT', 0, count)
if #ids == 0 then
  return 0
end
local meta = read_meta(base)
for _, job_id in ipairs(ids) do
  local key = base .. job_id
  if set ~= 'delayed' then
    redis.call('HDEL', key, 'finishedOn', 'processedOn', set == 'failed' and 'failedReason' or 'returnvalue')
    reattach_to_parent(base, job_id, redis.call('HGET', key, 'parentKey'), set)
  end
  emit_trimmed(base, meta, 'waiting', 'jobId', job_id, 'prev', set)
end
redis.call('ZREM', base .. set, unpack(ids))
redis.call('LPUSH', waiting_list(base, meta), unpack(ids))
wake_worker(base, meta)
return #ids
