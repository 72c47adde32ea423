-- change_delay: let a delayed job wait so long from now on.
-- KEYS    base
-- ARGV    job_id str · delay int · now int
-- DERIVED the queue's keys under its base
-- RETURNS 0 done · -1 no such job · -3 not delayed
-- EVENTS  delayed
-- COST    O(log n)
local base = KEYS[1]
local job_id, delay, now = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
-- @include read_meta
-- @include delay_job
local key = base .. job_id
if redis.call('EXISTS', key) == 0 then
  return -1
end
if not redis.call('ZSCORE', base .. 'delayed', job_id) then
  return -3
end
redis.call('HSET', key, 'delay', delay)
delay_job(base, read_meta(base), job_id, now, delay)
return 0
