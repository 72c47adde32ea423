-- drop_lock: give up a job's lock, which is ours, and the suspicion that it stalled. Whether any job is suspected is asked
-- once in a run of a script: nothing becomes so in between.
-- A script that read its locks together (read_locks) collects those that go in `meta.dropped`.
local function drop_lock(base, meta, job_id, token)
  if token == '0' then
    return
  end
  local lock = base .. job_id .. ':lock'
  if meta.locks then
    meta.locks[job_id] = false
    meta.dropped[#meta.dropped + 1] = lock
  else
    redis.call('DEL', lock)
  end
  if meta.suspects == nil then
    meta.suspects = redis.call('EXISTS', base .. 'stalled') == 1
  end
  if meta.suspects then
    redis.call('SREM', base .. 'stalled', job_id)
  end
end
