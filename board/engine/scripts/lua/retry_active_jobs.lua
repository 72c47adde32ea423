-- retry_active_jobs: attempts of up to 50 jobs failed and the next ones may start at once: back in line, behind those who
-- wait, each as if put there alone, in order.
-- KEYS    base
-- ARGV    retries msgpack · apart flag
-- DERIVED the queue's keys under its base
-- RETURNS for each: 0 done · -1 no such job · -2 lock gone · -3 not active · -6 lock of another; with `apart`, for
--         jobs of several callers, also the error that one of them met
-- EVENTS  waiting
-- COST    O(log n) a job, and O(active) where it is not among the last of `active`; plus up to 50 promotions for all
--         together
local base = KEYS[1]
local retries, apart = cmsgpack.unpack(ARGV[1]), ARGV[2] == '1'
-- @include read_meta
-- @include promote_due
-- @include leave_active
-- @include enqueue
-- @include emit_trimmed
-- @include read_locks
-- @include catch_up
-- @include run_each
local meta = read_meta(base)
read_locks(base, meta, retries, 'id')

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

return run_each(base, meta, retries, apart, retry_one, catch_up)
