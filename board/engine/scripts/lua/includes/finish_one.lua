-- finish_one: an active job ends as completed or failed. 0 done, else the code that says why not.
-- Refused, it has changed nothing. Redis undoes nothing when a script breaks off, so the keys of the parent and of the
-- dead letter are touched before anything is written: one of a wrong type, or on another node of a cluster, costs no job.
-- @include leave_active
-- @include set_fields
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
local function finish_one(base, meta, now, finish)
  local job_id = finish.id
  local key = base .. job_id
  local completed = finish.set == 'completed'
  local fields = redis.call('HMGET', key, 'name', 'parentKey', 'parent', 'deid')
  if not fields[1] and redis.call('EXISTS', key) == 0 then
    return -1
  end
  if completed then
    if redis.call('SCARD', key .. ':dependencies') > 0 then
      return -4
    end
    if redis.call('ZCARD', key .. ':unsuccessful') > 0 then
      return -9
    end
  end
  local parent = parent_of(fields[2], fields[3])
  if parent then
    redis.call('SCARD', parent.key .. ':dependencies')
  end
  if finish.dead_letter then
    redis.call('HLEN', finish.dead_letter.base .. finish.dead_letter.origin .. '/' .. job_id)
  end
  local code = leave_active(base, job_id, finish.token)
  if code < 0 then
    return code
  end
  set_fields(key, finish.fields)
  trim_stream(base, meta)
  if fields[4] then
    settle_deduplication(base, meta, job_id, fields[4], now)
  end
  if parent and completed then
    tell_parent_completed(parent, key, finish.value, now)
  elseif parent then
    tell_parent_failed(parent, key, finish.value, now)
  end
  local attempts_made = redis.call('HINCRBY', key, 'atm', 1)
  if finish.dead_letter then
    bury_job(finish.dead_letter, job_id, key, finish.value, now)
  end
  if finish.keep.count ~= 0 then
    redis.call('ZADD', base .. finish.set, now, job_id)
    redis.call('HSET', key, completed and 'returnvalue' or 'failedReason', finish.value, 'finishedOn', now)
    if not completed then
      redis.call('HDEL', key, 'defa')
    end
    evict_finished(base, meta, finish.set, now, finish.keep)
  else
    if parent then
      redis.call('SREM', parent.key .. ':dependencies', key)
    end
    delete_job_keys(base, job_id)
  end
  if completed then
    emit(base, 'completed', 'jobId', job_id, 'returnvalue', finish.value, 'prev', 'active')
  else
    emit(base, 'failed', 'jobId', job_id, 'failedReason', finish.value, 'prev', 'active')
    if attempts_made >= finish.attempts then
      emit(base, 'retries-exhausted', 'jobId', job_id, 'attemptsMade', attempts_made)
    end
  end
  if finish.points then
    count_finish(base, finish.set, now, finish.points)
  end
  return 0
end
