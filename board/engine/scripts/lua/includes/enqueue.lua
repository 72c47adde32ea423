-- enqueue: make a job runnable, by its priority or in the waiting list.
-- @include push_waiting
-- @include push_prioritized
local function enqueue(base, meta, job_id, priority, next)
  if priority > 0 then
    push_prioritized(base, meta, job_id, priority)
  else
    push_waiting(base, meta, job_id, next)
  end
end
