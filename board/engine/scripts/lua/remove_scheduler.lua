-- remove_scheduler: delete a job scheduler and its pending run, if that is still delayed.
-- KEYS    base
-- ARGV    scheduler str · expected msgpack
-- DERIVED the queue's keys under its base
-- RETURNS 0 removed · 1 there was none · 2 its record is not the expected one (an empty text expects any)
-- EVENTS  removed
-- COST    O(log n)
local base = KEYS[1]
local scheduler, expected = unpack(ARGV)
-- @include delete_job_keys
-- @include emit
if expected ~= '' then
  local wanted = cmsgpack.unpack(expected)
  local stored = redis.call('HGETALL', base .. 'repeat:' .. scheduler)
  local count = 0
  for i = 1, #stored, 2 do
    count = count + 1
    if wanted[stored[i]] ~= stored[i + 1] then
      return 2
    end
  end
  for _ in pairs(wanted) do
    count = count - 1
  end
  if count ~= 0 then
    return 2
  end
end
local pending = redis.call('ZSCORE', base .. 'repeat', scheduler)
if pending then
  local job_id = 'repeat:' .. scheduler .. ':' .. pending
  if redis.call('ZREM', base .. 'delayed', job_id) == 1 then
    delete_job_keys(base, job_id)
    emit(base, 'removed', 'jobId', job_id, 'prev', 'delayed')
  end
end
if redis.call('ZREM', base .. 'repeat', scheduler) == 0 then
  return 1
end
redis.call('DEL', base .. 'repeat:' .. scheduler)
return 0
