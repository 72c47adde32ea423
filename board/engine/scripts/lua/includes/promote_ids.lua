-- promote_ids: make delayed jobs runnable, in this order; their `delay` is 0 then.
-- Ids whose hash is gone are dropped: setting the field would make a job of them.
-- @include waiting_list
-- @include emit
-- @include wake_worker
local function promote_ids(base, meta, ids)
  redis.call('ZREM', base .. 'delayed', unpack(ids))
  local target = waiting_list(base, meta)
  for _, job_id in ipairs(ids) do
    local job = base .. job_id
    local stored = redis.call('HGET', job, 'priority')
    if stored or redis.call('EXISTS', job) == 1 then
      local priority = tonumber(stored or nil) or 0
      if priority > 0 then
        local turn = redis.call('INCR', base .. 'pc') % 4294967296
        redis.call('ZADD', base .. 'prioritized', priority * 4294967296 + turn, job_id)
      else
        redis.call('LPUSH', target, job_id)
      end
      emit(base, 'waiting', 'jobId', job_id, 'prev', 'delayed')
      redis.call('HSET', job, 'delay', '0')
    end
  end
  wake_worker(base, meta)
end
