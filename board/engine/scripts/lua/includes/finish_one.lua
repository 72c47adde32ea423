-- finish_one: an active job ends as completed or failed. 0 done, else the code that says why not.
-- Refused, it has changed nothing. Redis undoes nothing when a script breaks off, so the keys of the parent and of the
-- dead letter are touched before anything is written: one of a wrong type, or on another node of a cluster, costs no job.
-- `finish` is now str · job_id str · token str · set str · value str · attempts int · keep · fields · points · grave, the
-- last four false for none.
-- @include leave_active
-- @include trim_stream
-- @include settle_deduplication
-- @include parent_of
-- @include tell_parent_completed
-- @include tell_parent_failed
-- @include evict_finished
-- @include delete_job_keys
-- @include emit
-- @include count_finish
-- @include bury_job
local function finish_one(base, meta, finish)
  local now, job_id, token, set, value, attempts, keep, extra, points, grave = unpack(finish)
  local key = base .. job_id
  local completed = set == 'completed'
  local fields = redis.call('HMGET', key, 'name', 'parentKey', 'parent', 'deid', 'atm')
  if not fields[1] and redis.call('EXISTS', key) == 0 then
    return -1
  end
  if completed and redis.call('EXISTS', key .. ':dependencies', key .. ':unsuccessful') > 0 then
    if redis.call('SCARD', key .. ':dependencies') > 0 then
      return -4
    end
    if redis.call('ZCARD', key .. ':unsuccessful') > 0 then
      return -9
    end
  end
  local parent = parent_of(fields[2], fields[3])
  if parent and meta.sound_parent ~= parent.key then
    redis.call('SCARD', parent.key .. ':dependencies')
    meta.sound_parent = parent.key
  end
  if grave then
    redis.call('HLEN', grave.base .. grave.origin .. '/' .. job_id)
  end
  local code = leave_active(base, meta, job_id, token)
  if code < 0 then
    return code
  end
  if extra then
    redis.call('HSET', key, unpack(extra))
  end
  trim_stream(base, meta)
  if fields[4] then
    settle_deduplication(base, meta, job_id, fields[4], tonumber(now))
  end
  if parent and completed then
    tell_parent_completed(parent, key, value, tonumber(now))
  elseif parent then
    tell_parent_failed(parent, key, value, tonumber(now))
  end
  local attempts_made = (tonumber(fields[5] or nil) or 0) + 1
  if grave then
    redis.call('HSET', key, 'atm', attempts_made)
    bury_job(grave, job_id, key, value, tonumber(now))
  end
  if not keep or keep.count ~= 0 then
    redis.call('ZADD', base .. set, now, job_id)
    redis.call('HSET', key, completed and 'returnvalue' or 'failedReason', value, 'finishedOn', now,
      'atm', attempts_made)
    if not completed then
      redis.call('HDEL', key, 'defa')
    end
    if keep then
      evict_finished(base, meta, set, tonumber(now), keep)
    end
  else
    if parent then
      redis.call('SREM', parent.key .. ':dependencies', key)
    end
    delete_job_keys(base, job_id)
  end
  if completed then
    emit(base, 'completed', 'jobId', job_id, 'returnvalue', value, 'prev', 'active')
  else
    emit(base, 'failed', 'jobId', job_id, 'failedReason', value, 'prev', 'active')
    if attempts_made >= attempts then
      emit(base, 'retries-exhausted', 'jobId', job_id, 'attemptsMade', attempts_made)
    end
  end
  if points then
    count_finish(base, set, tonumber(now), points)
  end
  return 0
end
