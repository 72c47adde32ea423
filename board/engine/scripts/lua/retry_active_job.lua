-- retry_active_job: an attempt failed and the next one may start at once: back in line, behind those who wait.
-- KEYS    base
-- ARGV    job_id str · token str · now int · lifo flag · fields msgpack
-- DERIVED the queue's keys under its base
-- RETURNS 0 done · -1 no such job · -2 lock gone · -3 not active · -6 lock of another
-- EVENTS  waiting
-- COST    O(log n) and O(active), plus up to 1,000 promotions
local base = KEYS[1]
local job_id, token, now, lifo, fields = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1', cmsgpack.unpack(ARGV[5])
-- @include read_meta
-- @include promote_due
-- @include leave_active
-- @include set_fields
-- @include enqueue
-- @include emit_trimmed
local key = base .. job_id
local stored = redis.call('HGET', key, 'priority')
if not stored and redis.call('EXISTS', key) == 0 then
  return -1
end
local code = leave_active(base, job_id, token)
if code < 0 then
  return code
end
local meta = read_meta(base)
set_fields(key, fields)
promote_due(base, meta, now)
enqueue(base, meta, job_id, tonumber(stored or nil) or 0, lifo)
redis.call('HINCRBY', key, 'atm', 1)
emit_trimmed(base, meta, 'waiting', 'jobId', job_id, 'prev', 'active')
return 0
