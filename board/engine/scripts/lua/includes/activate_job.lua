-- activate_job: what every fetched job goes through, once its id is at the head of `active`: it is counted and locked, and
-- announced. Returns its hash, in which a field that stands twice has the value that comes last. The marker is set once
-- a run.
-- @include field_of
-- @include emit
local function activate_job(base, meta, job_id, hash, now, token, lock_ms, worker)
  local key = base .. job_id
  if token ~= '0' then
    redis.call('SET', key .. ':lock', token, 'PX', lock_ms)
  end
  emit(base, 'active', 'jobId', job_id, 'prev', 'waiting')
  local before = field_of(hash, 'ats')
  local started = before and string.format('%d', (tonumber(before) or 0) + 1) or '1'
  local n = #hash
  hash[n + 1], hash[n + 2], hash[n + 3], hash[n + 4] = 'processedOn', now, 'ats', started
  if worker then
    redis.call('HSET', key, 'processedOn', now, 'ats', started, 'pb', worker)
    hash[n + 5], hash[n + 6] = 'pb', worker
  else
    redis.call('HSET', key, 'processedOn', now, 'ats', started)
  end
  if not meta.marked then
    redis.call('ZADD', base .. 'marker', '0', '0')
    meta.marked = true
  end
  return { hash, job_id, 0, 0 }
end
