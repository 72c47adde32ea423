-- delay_active_job: an active job waits for a while: backoff after a failed attempt, or its processor's wish.
-- KEYS    base
-- ARGV    job_id str · token str · now str · delay int · counts flag · fields msgpack · taker msgpack
-- DERIVED the queue's keys under its base
-- RETURNS 0 done · a fetched tuple as fetch_jobs · -1 no such job · -2 lock gone · -3 not active · -6 lock of another
-- EVENTS  delayed · waiting · active
-- COST    O(log n) and O(active), plus up to 50 promotions when it fetches
local base = KEYS[1]
local job_id, token, now, delay = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local counts, fields, taker = ARGV[5] == '1', cmsgpack.unpack(ARGV[6]), ARGV[7]
-- @include read_meta
-- @include leave_active
-- @include set_fields
-- @include put_delayed
-- @include emit_trimmed
-- @include fetch_next
-- @include mark_next_due
local key = base .. job_id
if redis.call('EXISTS', key) == 0 then
  return -1
end
local meta = read_meta(base)
local code = leave_active(base, meta, job_id, token)
if code < 0 then
  return code
end
set_fields(key, fields)
if counts then
  redis.call('HINCRBY', key, 'atm', 1)
end
redis.call('HSET', key, 'delay', delay)
local due = put_delayed(base, job_id, tonumber(now), delay)
emit_trimmed(base, meta, 'delayed', 'jobId', job_id, 'delay', due)
local fetched = nil
if taker ~= '' and not meta.legacy then
  fetched = fetch_next(base, meta, now, token, cmsgpack.unpack(taker))
end
mark_next_due(base)
return fetched or 0
