-- drop_lock: give up a job's lock, which is ours, and the suspicion that it stalled. Whether any job is suspected is asked
-- once in a run of a script: nothing becomes so in between.
local function drop_lock(base, meta, job_id, token)
  if token == '0' then
    return
  end
  redis.call('DEL', base .. job_id .. ':lock')
  if meta.suspects == nil then
    meta.suspects = redis.call('EXISTS', base .. 'stalled') == 1
  end
  if meta.suspects then
    redis.call('SREM', base .. 'stalled', job_id)
  end
end
