-- drop_lock: give up a job's lock, which is ours, and the suspicion that it stalled.
local function drop_lock(base, job_id, token)
  if token ~= '0' then
    redis.call('DEL', base .. job_id .. ':lock')
    redis.call('SREM', base .. 'stalled', job_id)
  end
end
