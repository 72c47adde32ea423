-- take_waiting: move the next runnable job to `active` and return its id and its hash, or nil.
-- Ids that lead nowhere (pseudo ids of old releases, jobs whose hash is gone) are dropped, at most 100 in one call;
-- the marker then sends a worker back for the rest.
local function take_waiting(base)
  local active = base .. 'active'
  for _ = 1, 100 do
    local job_id = redis.call('RPOPLPUSH', base .. 'wait', active)
    if not job_id then
      job_id = redis.call('ZPOPMIN', base .. 'prioritized')[1]
      if not job_id then
        redis.call('DEL', base .. 'pc')
        return nil
      end
      redis.call('LPUSH', active, job_id)
    end
    local hash = string.sub(job_id, 1, 2) ~= '0:' and redis.call('HGETALL', base .. job_id) or {}
    if #hash > 0 then
      return job_id, hash
    end
    redis.call('LREM', active, 1, job_id)
  end
  redis.call('ZADD', base .. 'marker', '0', '0')
  return nil
end
