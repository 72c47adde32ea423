-- promote_job: make a delayed job runnable now.
-- KEYS    base
-- ARGV    job_id str · seen str
-- DERIVED the queue's keys under its base
-- RETURNS 0 done · -1 its hash is gone, and now its id too · -3 not delayed, or not with the score `seen` any more
-- EVENTS  waiting
-- COST    O(log n)
local base = KEYS[1]
local job_id, seen = ARGV[1], ARGV[2]
-- @include read_meta
-- @include enqueue
if seen ~= '' and redis.call('ZSCORE', base .. 'delayed', job_id) ~= seen then
  return -3
end
if redis.call('ZREM', base .. 'delayed', job_id) == 0 then
  return -3
end
local meta = read_meta(base)
local key = base .. job_id
if redis.call('EXISTS', key) == 0 then
  return -1
end
enqueue(base, meta, job_id, tonumber(redis.call('HGET', key, 'priority') or nil) or 0, false)
redis.call('HSET', key, 'delay', 0)
redis.call('XADD', base .. 'events', '*', 'event', 'waiting', 'jobId', job_id, 'prev', 'delayed')
return 0
