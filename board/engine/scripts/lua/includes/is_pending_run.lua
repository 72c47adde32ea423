-- is_pending_run: whether an id is that of the pending run of a live job scheduler, which nobody may remove by itself.
local function is_pending_run(base, job_id)
  local scheduler, moment = string.match(job_id, '^repeat:(.+):([^:]+)$')
  return scheduler and redis.call('ZSCORE', base .. 'repeat', scheduler) == moment
end
