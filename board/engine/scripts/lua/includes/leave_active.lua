-- leave_active: take a job out of `active` and give up its lock. 0 done · -2 the lock is gone · -3 not active · -6 it is
-- another's. Refused, it has changed nothing.
-- Where several leave in one run of a script (read_locks), the first goes at once: its removal is a write that Redis allows
-- even when its memory is full, and after it all others. The second reads the end of the list, where those lie that were taken
-- first: jobs are struck out of `meta.tail`, the nearest to the end, until one is not found there, and go together
-- (leave_pending). Until then the list is longer than it should be, so a queue whose workers are counted by it
-- (`concurrency`) does without.
-- The next to be searched for tells from which end of the list that is done. Jobs whose workers are gone stay at the old end,
-- and those that run are near the new one then.
-- @include lock_code
-- @include drop_lock
-- @include leave_pending
local function leave_active(base, meta, job_id, token)
  local code = lock_code(base, meta, job_id, token)
  if code < 0 then
    return code
  end
  local active = base .. 'active'
  if meta.has_left and meta.tail == nil then
    meta.tail = meta.several and not meta.concurrency
      and redis.call('LRANGE', active, string.format('-%d', meta.several + 10), '-1')
    meta.tail_end = meta.tail and #meta.tail
  end
  local tail = meta.tail
  if tail then
    local last = meta.tail_end
    while last > 0 and not tail[last] do
      last = last - 1
    end
    meta.tail_end = last
    for i = last, 1, -1 do
      if tail[i] == job_id then
        tail[i] = false
        meta.first_left = math.min(meta.first_left or i, i)
        drop_lock(base, meta, job_id, token)
        return 0
      end
    end
    leave_pending(base, meta)
  end
  if meta.has_left and not meta.left_from then
    local index = redis.call('LPOS', active, job_id)
    meta.left_from = index and index < redis.call('LLEN', active) / 2 and '1' or '-1'
  end
  local removed = redis.call('LREM', active, meta.left_from or '-1', job_id)
  meta.has_left = true
  if removed == 0 then
    return -3
  end
  drop_lock(base, meta, job_id, token)
  return 0
end
