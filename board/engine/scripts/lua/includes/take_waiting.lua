-- take_waiting: move the next runnable job to `active` and return its id and what `read_taken` says of it, or nil.
-- Ids that lead nowhere (pseudo ids of old releases, jobs whose hash is gone) are dropped, at most 100 in one call;
-- the marker then sends a worker back for the rest.
-- @include read_taken
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
    if string.sub(job_id, 1, 2) ~= '0:' then
      local stored, is_new = read_taken(base .. job_id)
      if #stored > 0 then
        return job_id, stored, is_new
      end
    end
    redis.call('LREM', active, 1, job_id)
  end
  redis.call('ZADD', base .. 'marker', '0', '0')
  return nil
end
