-- activate_job: what every fetched job goes through, once its id is at the head of `active`.
-- Counts the start for the rate limit, locks the job, announces it and returns its hash. The marker is set once a run.
-- @include emit
local function activate_job(base, meta, job_id, taker)
  local key = base .. job_id
  if taker.limit_max and (meta.legacy or redis.call('HEXISTS', key, 'defa') == 0) then
    if redis.call('INCR', base .. 'limiter') == 1 then
      redis.call('PEXPIRE', base .. 'limiter', math.floor(math.abs(taker.limit_duration or 0)))
    end
  end
  if taker.token ~= '0' then
    redis.call('SET', key .. ':lock', taker.token, 'PX', taker.lock_ms)
  end
  emit(base, 'active', 'jobId', job_id, 'prev', 'waiting')
  if taker.worker then
    redis.call('HSET', key, 'processedOn', taker.now, 'pb', taker.worker)
  else
    redis.call('HSET', key, 'processedOn', taker.now)
  end
  redis.call('HINCRBY', key, 'ats', 1)
  if not meta.marked then
    redis.call('ZADD', base .. 'marker', 0, '0')
    meta.marked = true
  end
  return { redis.call('HGETALL', key), job_id, 0, 0 }
end
