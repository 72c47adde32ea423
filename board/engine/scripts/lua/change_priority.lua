-- change_priority: give a job another priority and, if it is in line, another place.
-- KEYS    base
-- ARGV    job_id str · priority int · lifo flag
-- DERIVED the queue's keys under its base
-- RETURNS 0 done · -1 no such job
-- EVENTS  none
-- COST    O(log n) for a prioritized job, O(waiting) for a waiting one
local base = KEYS[1]
local job_id, priority, lifo = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1'
-- @include read_meta
-- @include waiting_list
-- @include enqueue
local key = base .. job_id
if redis.call('EXISTS', key) == 0 then
  return -1
end
local meta = read_meta(base)
if
  redis.call('ZREM', base .. 'prioritized', job_id) == 1
  or redis.call('LREM', waiting_list(base, meta), -1, job_id) > 0
then
  if priority > 0 and lifo then
    redis.call('ZADD', base .. 'prioritized', priority * 4294967296, job_id)
  else
    enqueue(base, meta, job_id, priority, lifo)
  end
end
redis.call('HSET', key, 'priority', priority)
return 0
