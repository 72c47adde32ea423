-- fetch_next: promote what is due, then take one job if the queue's limits let us.
-- Returns what `activate_job` does, {limited_ms, 0} or {0, next_due_ms} where there is none to take now, nil when there is
-- nothing at all.
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
      return { left, 0 }
    end
    if left == 0 then
      redis.call('DEL', base .. 'limiter')
    end
  end
  if blocked then
    return { 0, 0 }
  end
  local job_id, stored, is_new = take_waiting(base)
  if job_id then
    if limit_max and (meta.legacy or is_new or not field_of(stored, 'defa')) then
      count_start(base, duration or meta.limit_duration)
    end
    return activate_job(base, meta, job_id, stored, is_new, now, token, lock_ms, worker)
  end
  local due = next_due(base)
  if due > 0 then
    return { 0, due }
  end
  return nil
end
