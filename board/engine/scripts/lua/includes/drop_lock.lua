-- drop_lock: give up a job's lock. 0 done or not needed · -2 it is missing · -6 another token holds it.
-- The token '0' stands for a job taken without a lock.
local function drop_lock(base, job_id, token)
  if token == '0' then
    return 0
  end
  local key = base .. job_id .. ':lock'
  local holder = redis.call('GET', key)
  if holder == token then
    redis.call('DEL', key)
    redis.call('SREM', base .. 'stalled', job_id)
    return 0
  end
  return holder and -6 or -2
end
