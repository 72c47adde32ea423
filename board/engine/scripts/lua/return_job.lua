-- return_job: an active job goes back to the front of the line, no attempt counted.
-- KEYS    base
-- ARGV    job_id str · token str
-- DERIVED the queue's keys under its base
-- RETURNS ms for which the queue is rate limited, 0 for none · -1 no such job · -2 lock gone · -6 lock of another
-- EVENTS  waiting
-- COST    O(log n) and O(active)
local base = KEYS[1]
local job_id, token = ARGV[1], ARGV[2]
-- @include read_meta
-- @include lock_code
-- @include drop_lock
-- @include push_waiting
-- @include emit_trimmed
local key = base .. job_id
if redis.call('EXISTS', key) == 0 then
  return -1
end
local meta = read_meta(base)
local code = lock_code(base, meta, job_id, token)
if code < 0 then
  return code
end
drop_lock(base, meta, job_id, token)
if redis.call('LREM', base .. 'active', 1, job_id) > 0 then
  local priority = tonumber(redis.call('HGET', key, 'priority') or nil) or 0
  if priority > 0 then
    redis.call('ZADD', base .. 'prioritized', priority * 4294967296, job_id)
  else
    push_waiting(base, meta, job_id, true)
  end
  emit_trimmed(base, meta, 'waiting', 'jobId', job_id, 'prev', 'active')
end
return math.max(redis.call('PTTL', base .. 'limiter'), 0)
