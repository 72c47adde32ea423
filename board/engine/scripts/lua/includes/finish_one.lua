-- finish_one: an active job ends as completed or failed. 0 done, else the code that says why not.
-- Refused, it has changed nothing. Redis undoes nothing when a script breaks off, so the keys of the parent and of the
-- dead letter are touched before anything is written: one of a wrong type, or on another node of a cluster, costs no job.
-- `finish` is now str · job_id str · token str · set str · value str · taker · keep · points · fields · attempts int · grave;
-- false stands for none, also where the last ones are left out. Before the first of a run comes `look_ahead`, after the
-- last of several `catch_up`.
-- @include leave_active
-- @include parent_of when called
-- @include settle_deduplication when called
-- @include tell_parent_completed when called
-- @include tell_parent_failed when called
-- @include bury_job when called
-- @include put_ended
-- @include put_pending
-- @include evict_finished when called
-- @include delete_job_keys
-- @include emit
-- @include emit_trimmed
-- @include count_finish
local function finish_one(base, meta, finish)
  local now, job_id, token, set, value, _, keep, points, extra, attempts, grave = unpack(finish)
  local key = base .. job_id
  local completed = set == 'completed'
  local fields = redis.call('HMGET', key, 'name', 'parentKey', 'parent', 'deid', 'atm')
  if not fields[1] and redis.call('EXISTS', key) == 0 then
    return -1
  end
  if completed and not meta.childless and redis.call('EXISTS', key .. ':dependencies', key .. ':unsuccessful') > 0 then
    if redis.call('SCARD', key .. ':dependencies') > 0 then
      return -4
    end
    if redis.call('ZCARD', key .. ':unsuccessful') > 0 then
      return -9
    end
  end
  local parent = fields[2] and parent_of(fields[2], fields[3])
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
  if fields[4] then
    settle_deduplication(base, meta, job_id, fields[4], tonumber(now))
  end
  if parent and completed then
    tell_parent_completed(parent, key, value, tonumber(now))
  elseif parent then
    put_pending(base, meta)
    tell_parent_failed(parent, key, value, tonumber(now))
  end
  local attempts_made = (tonumber(fields[5] or nil) or 0) + 1
  local made = fields[5] and string.format('%d', attempts_made) or '1'
  if grave then
    redis.call('HSET', key, 'atm', made)
    bury_job(grave, job_id, key, value, tonumber(now))
  end
  if not keep or keep.count ~= 0 then
    put_ended(base, meta, set, now, job_id)
    redis.call('HSET', key, completed and 'returnvalue' or 'failedReason', value, 'finishedOn', now, 'atm', made)
    if not completed then
      redis.call('HDEL', key, 'defa')
    end
    if keep then
      put_pending(base, meta)
      evict_finished(base, meta, set, tonumber(now), keep)
    end
  else
    if parent then
      redis.call('SREM', parent.key .. ':dependencies', key)
    end
    delete_job_keys(base, job_id)
  end
  if completed then
    emit_trimmed(base, meta, 'completed', 'jobId', job_id, 'returnvalue', value, 'prev', 'active')
  else
    emit_trimmed(base, meta, 'failed', 'jobId', job_id, 'failedReason', value, 'prev', 'active')
    if attempts_made >= (attempts or 0) then
      emit(base, 'retries-exhausted', 'jobId', job_id, 'attemptsMade', made)
    end
  end
  if points then
    count_finish(base, set, tonumber(now), points)
  end
  return 0
end
