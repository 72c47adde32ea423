-- is_next_run: whether a job is the pending iteration of a live job scheduler, which nobody may remove by itself.
-- @include try_read
local function is_next_run(base, job_id, scheduler_id)
  if not scheduler_id then
    return false
  end
  local next_ms = try_read('ZSCORE', base .. 'repeat', scheduler_id)
  return next_ms and job_id == 'repeat:' .. scheduler_id .. ':' .. next_ms
end
