-- wait_for_children: an active parent waits for its pending children, or for one of them.
-- KEYS    base
-- ARGV    job_id str · token str · now int · child_key str
-- DERIVED the queue's keys under its base
-- RETURNS 0 moved · 1 nothing pending, the job stays active · -1 no such job · -2 lock gone · -3 not active
--         · -6 lock of another · -9 a child failed
-- EVENTS  waiting-children
-- COST    O(log n) and O(active)
local base = KEYS[1]
local job_id, token, now, child_key = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
-- @include leave_active
-- @include emit
local key = base .. job_id
if redis.call('EXISTS', key) == 0 then
  return -1
end
if redis.call('ZCARD', key .. ':unsuccessful') > 0 then
  return -9
end
local pending
if child_key == '' then
  pending = redis.call('SCARD', key .. ':dependencies') > 0
else
  pending = redis.call('SISMEMBER', key .. ':dependencies', child_key) == 1
end
if not pending then
  return 1
end
local code = leave_active(base, {}, job_id, token)
if code < 0 then
  return code
end
redis.call('ZADD', base .. 'waiting-children', now, job_id)
emit(base, 'waiting-children', 'jobId', job_id, 'prev', 'active')
return 0
