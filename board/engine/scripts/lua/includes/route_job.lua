-- route_job: put a stored job where its options send it: delayed, by priority, or in line.
-- @include delay_job when called
-- @include enqueue
-- @include emit_trimmed
local function route_job(base, meta, job_id, job)
  if job.delay and job.delay > 0 then
    delay_job(base, meta, job_id, job.timestamp, job.delay)
    return
  end
  enqueue(base, meta, job_id, job.priority or 0, job.lifo)
  emit_trimmed(base, meta, 'waiting', 'jobId', job_id)
end
