-- leave_active: take a job out of `active` and give up its lock. 0 done · -2 the lock is gone · -3 not active · -6 it is
-- another's. Refused, it has changed nothing.
-- Where several leave in one run of a script, the second tells from which end of the list all others are searched. Jobs whose
-- workers are gone stay at the old end, and those that run are near the new one then.
-- @include lock_code
-- @include drop_lock
local function leave_active(base, meta, job_id, token)
  local code = lock_code(base, meta, job_id, token)
  if code < 0 then
    return code
  end
  local active = base .. 'active'
  if meta.has_left and not meta.left_from then
    local index = redis.call('LPOS', active, job_id)
    meta.left_from = index and index < redis.call('LLEN', active) / 2 and '1' or '-1'
  end
  meta.has_left = true
  if redis.call('LREM', active, meta.left_from or '-1', job_id) == 0 then
    return -3
  end
  drop_lock(base, meta, job_id, token)
  return 0
end
