-- push_prioritized: put a job behind those of its priority. The counter keeps their order and lives in the low 32 bits.
-- @include wake_worker
local function push_prioritized(base, meta, job_id, priority)
  local turn = redis.call('INCR', base .. 'pc') % 4294967296
  redis.call('ZADD', base .. 'prioritized', priority * 4294967296 + turn, job_id)
  wake_worker(base, meta)
end
