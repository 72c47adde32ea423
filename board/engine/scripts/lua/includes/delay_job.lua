-- delay_job: put a job in `delayed`, announce it and tell blocked workers when to look.
-- @include put_delayed
-- @include emit_trimmed
-- @include mark_next_due
local function delay_job(base, meta, job_id, now, delay)
  local due = put_delayed(base, job_id, now, delay)
  emit_trimmed(base, meta, 'delayed', 'jobId', job_id, 'delay', due)
  mark_next_due(base)
end
