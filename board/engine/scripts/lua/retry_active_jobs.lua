-- retry_active_jobs: attempts of up to 50 jobs failed and the next ones may start at once: back in line, behind those who
-- wait, each as if put there alone, in order.
-- KEYS    base
-- ARGV    retries msgpack · apart flag
-- DERIVED the queue's keys under its base
-- RETURNS for each: 0 done · -1 no such job · -2 lock gone · -3 not active · -6 lock of another; with `apart`, for
--         jobs of several callers, also the error that one of them met
-- EVENTS  waiting
-- COST    O(log n) and O(active) a job, plus up to 50 promotions for all together
local base = KEYS[1]
local retries, apart = cmsgpack.unpack(ARGV[1]), ARGV[2] == '1'
-- @include read_meta
-- @include promote_due
-- @include leave_active
-- @include enqueue
-- @include emit_trimmed
-- @include read_locks
-- @include drop_pending
-- @include run_each
local meta = read_meta(base)
local job_ids = {}
for i, retry in ipairs(retries) do
  job_ids[i] = retry.id
end
read_locks(base, meta, job_ids)

local function retry_one(_, _, retry)
  local key = base .. retry.id
  local stored = redis.call('HMGET', key, 'priority', 'atm')
  if not stored[1] and redis.call('EXISTS', key) == 0 then
    return -1
  end
  local code = leave_active(base, meta, retry.id, retry.token)
  if code < 0 then
    return code
  end
  promote_due(base, meta, retry.now)
  enqueue(base, meta, retry.id, tonumber(stored[1] or nil) or 0, retry.lifo)
  redis.call('HSET', key, 'atm', (tonumber(stored[2] or nil) or 0) + 1, unpack(retry.fields))
  emit_trimmed(base, meta, 'waiting', 'jobId', retry.id, 'prev', 'active')
  return 0
end

return run_each(base, meta, retries, apart, retry_one, drop_pending)
