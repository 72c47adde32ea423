-- push_waiting: put a job in line without priority. Workers pop the tail, so `next` pushes there: it runs next.
-- @include waiting_list
-- @include wake_worker
local function push_waiting(base, meta, job_id, next)
  redis.call(next and 'RPUSH' or 'LPUSH', waiting_list(base, meta), job_id)
  wake_worker(base, meta)
end
