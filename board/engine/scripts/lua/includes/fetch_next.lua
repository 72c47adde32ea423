-- fetch_next: promote what is due, then take one job if the queue's limits let us.
-- Returns {hash, id, 0, 0}, {false, '', limited_ms, 0}, {false, '', 0, next_due_ms}, or nil when there is nothing at all.
-- `taker` is lock_ms str · max int · duration int · worker str; false for none, also where the last ones are left out.
-- @include promote_due
-- @include is_blocked
-- @include take_waiting
-- @include activate_job
-- @include count_start
-- @include field_of
-- @include next_due
local function fetch_next(base, meta, now, token, taker)
  local lock_ms, max, duration, worker = unpack(taker)
  local blocked = is_blocked(base, meta)
  promote_due(base, meta, tonumber(now))
  local limit_max = meta.limit_max or max
  if limit_max and tonumber(redis.call('GET', base .. 'limiter') or 0) >= limit_max then
    local left = redis.call('PTTL', base .. 'limiter')
    if left > 0 then
      return { false, '', left, 0 }
    end
    if left == 0 then
      redis.call('DEL', base .. 'limiter')
    end
  end
  if blocked then
    return { false, '', 0, 0 }
  end
  local job_id, hash = take_waiting(base)
  if job_id then
    if limit_max and (meta.legacy or not field_of(hash, 'defa')) then
      count_start(base, duration or meta.limit_duration)
    end
    return activate_job(base, meta, job_id, hash, now, token, lock_ms, worker)
  end
  local due = next_due(base)
  if due > 0 then
    return { false, '', 0, due }
  end
  return nil
end
