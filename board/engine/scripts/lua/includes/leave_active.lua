-- leave_active: take a job out of `active` and give up its lock. 0 done · -2 the lock is gone · -3 not active · -6 it is
-- another's. Refused, it has changed nothing.
-- @include lock_code
-- @include drop_lock
local function leave_active(base, meta, job_id, token)
  local code = lock_code(base, job_id, token)
  if code < 0 then
    return code
  end
  if redis.call('LREM', base .. 'active', -1, job_id) == 0 then
    return -3
  end
  drop_lock(base, meta, job_id, token)
  return 0
end
