-- next_iteration: the current run of a scheduler was taken by a worker: create the next one.
-- Idempotent: only the run that the scheduler's score names has a successor, so retries and stalled runs add nothing.
-- KEYS    base
-- ARGV    run msgpack
-- DERIVED the queue's keys under its base
-- RETURNS the next run's job id · nil when there is nothing to do
-- EVENTS  added · waiting · delayed · duplicated
-- COST    O(log n)
local base = KEYS[1]
local run = cmsgpack.unpack(ARGV[1])
-- @include read_meta
-- @include event_limit
-- @include next_slot
-- @include add_iteration
-- @include emit_trimmed
local previous = tonumber(redis.call('ZSCORE', base .. 'repeat', run.scheduler) or nil)
if not previous or run.job_id ~= 'repeat:' .. run.scheduler .. ':' .. string.format('%.0f', previous) then
  return nil
end
local meta = read_meta(base)
event_limit(base, meta)
local record = base .. 'repeat:' .. run.scheduler
local stored = redis.call('HMGET', record, 'every', 'offset', 'startDate', 'name', 'data')
local every = tonumber(stored[1] or nil) or run.rule.every
local at = run.at
if every then
  at = next_slot(meta, every, previous, run.now, tonumber(stored[2] or nil) or 0, tonumber(stored[3] or nil))
end
if not at then
  return nil
end
local job_id = 'repeat:' .. run.scheduler .. ':' .. string.format('%.0f', at)
if redis.call('EXISTS', base .. job_id) == 1 then
  emit_trimmed(base, meta, 'duplicated', 'jobId', job_id)
  return nil
end
local data = stored[5] or '{}'
if meta.legacy and not stored[5] then
  data = run.data
  if data ~= '{}' then
    redis.call('HSET', record, 'data', data)
  end
end
redis.call('ZADD', base .. 'repeat', at, run.scheduler)
redis.call('HINCRBY', record, 'ic', 1)
redis.call('INCR', base .. 'id')
local rule = run.rule
rule.count = (rule.count or 0) + 1
add_iteration(base, meta, {
  scheduler = run.scheduler, at = at, now = run.now, name = stored[4] or run.name, data = data, opts = run.opts,
  rule = rule,
})
if meta.legacy then
  redis.call('HSET', base .. run.job_id, 'nrjid', job_id)
end
return job_id
