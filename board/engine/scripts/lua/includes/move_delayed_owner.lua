-- move_delayed_owner: a dropped duplicate moves the owner, if it is still delayed, to the duplicate's own delay.
-- @include delay_job
local function move_delayed_owner(base, meta, owner_id, job)
  if meta.legacy or not redis.call('ZSCORE', base .. 'delayed', owner_id) then
    return
  end
  local delay = job.delay or 0
  redis.call('HSET', base .. owner_id, 'delay', delay)
  delay_job(base, meta, owner_id, job.timestamp, delay)
end
