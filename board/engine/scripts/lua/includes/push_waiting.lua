-- push_waiting: put a job in line without priority. Workers pop the tail, so `next` pushes there: it runs next.
-- A script that adds many collects those behind in `meta.pushed` and pushes them together (push_pending).
-- @include waiting_list
-- @include wake_worker
local function push_waiting(base, meta, job_id, next)
  if meta.pushed and not next then
    meta.pushed[#meta.pushed + 1] = job_id
  else
    redis.call(next and 'RPUSH' or 'LPUSH', waiting_list(base, meta), job_id)
  end
  wake_worker(base, meta)
end
