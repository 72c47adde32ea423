-- drain_queue: remove the oldest jobs that wait, are prioritized or delayed, in one bounded step.
-- The pending iterations of job schedulers stay. Lists are read from their tail, where the oldest are, so that jobs added
-- meanwhile move nothing.
-- KEYS    base
-- ARGV    container str · skip int · count int
-- DERIVED the queue's keys under its base, and their parents'
-- RETURNS {how many were removed, how many stayed}
-- EVENTS  none
-- COST    O(count log n)
local base = KEYS[1]
local container, skip, count = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
-- @include read_meta
-- @include protected_iterations
-- @include forget_job
local meta = read_meta(base)
local key = base .. container
local is_list = container == 'wait' or container == 'paused'
local ids
if is_list then
  ids = redis.call('LRANGE', key, -(skip + count), -(skip + 1))
else
  ids = redis.call('ZRANGE', key, skip, skip + count - 1)
end
local protected = protected_iterations(base)
local gone = {}
for _, job_id in ipairs(ids) do
  if not protected[job_id] then
    gone[#gone + 1] = job_id
  end
end
if not is_list and #gone > 0 then
  redis.call('ZREM', key, unpack(gone))
elseif is_list and skip == 0 and #gone == #ids then
  redis.call('LTRIM', key, 0, -(#ids + 1))
elseif is_list then
  for _, job_id in ipairs(gone) do
    redis.call('LREM', key, -1, job_id)
  end
end
for _, job_id in ipairs(gone) do
  forget_job(base, meta, job_id, true, true)
end
return { #gone, #ids - #gone }
