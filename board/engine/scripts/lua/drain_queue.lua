-- drain_queue: remove the oldest jobs that wait, are prioritized or delayed, in one bounded step.
-- The pending iterations of job schedulers stay. Lists are read from their tail, where the oldest are, so that jobs added
-- meanwhile move nothing.
-- KEYS    base
-- ARGV    container str · skip int · count int
-- DERIVED the queue's keys under its base, and their parents'
-- RETURNS {how many were removed, how many stayed}
-- EVENTS  none
-- COST    O(count log n), and O(skip) in a list
local base = KEYS[1]
local container, skip, count = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
-- @include read_meta
-- @include is_pending_run
-- @include forget_job
local meta = read_meta(base)
local key = base .. container
local is_list = container == 'wait' or container == 'paused'
local ids
if is_list then
  ids = redis.call('LRANGE', key, -(skip + count), -1)
else
  ids = redis.call('ZRANGE', key, skip, skip + count - 1)
end
local looked = is_list and math.max(#ids - skip, 0) or #ids
local gone, kept = {}, {}
for i, job_id in ipairs(ids) do
  if i > looked or is_pending_run(base, job_id) then
    kept[#kept + 1] = job_id
  else
    gone[#gone + 1] = job_id
  end
end
if #gone > 0 and not is_list then
  redis.call('ZREM', key, unpack(gone))
elseif #gone > 0 then
  -- What stays, now and before, is put back where it was.
  redis.call('LTRIM', key, 0, -(#ids + 1))
  for first = 1, #kept, 5000 do
    redis.call('RPUSH', key, unpack(kept, first, math.min(first + 4999, #kept)))
  end
end
for _, job_id in ipairs(gone) do
  forget_job(base, meta, job_id, true, true)
end
return { #gone, looked - #gone }
