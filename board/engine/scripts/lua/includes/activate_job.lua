-- activate_job: what every fetched job goes through, once its id is at the head of `active`: it is counted and locked, and
-- announced. Returns {id, name, data, opts, timestamp, delay, priority} of a new one and {hash, id, ats} of any other, with
-- the hash as it was before; see `read_taken`. The marker is set once a run.
-- @include field_of
-- @include emit
local function activate_job(base, meta, job_id, stored, is_new, now, token, lock_ms, worker)
  local key = base .. job_id
  if token ~= '0' then
    redis.call('SET', key .. ':lock', token, 'PX', lock_ms)
  end
  emit(base, 'active', 'jobId', job_id, 'prev', 'waiting')
  local before = not is_new and field_of(stored, 'ats')
  local started = before and string.format('%d', (tonumber(before) or 0) + 1) or '1'
  if worker then
    redis.call('HSET', key, 'processedOn', now, 'ats', started, 'pb', worker)
  else
    redis.call('HSET', key, 'processedOn', now, 'ats', started)
  end
  if not meta.marked then
    redis.call('ZADD', base .. 'marker', '0', '0')
    meta.marked = true
  end
  if is_new then
    return { job_id, unpack(stored) }
  end
  return { stored, job_id, started }
end
