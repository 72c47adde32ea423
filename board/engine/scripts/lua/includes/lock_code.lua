-- lock_code: whether a job's lock is ours. 0 it is, or none is needed · -2 it is missing · -6 another token holds it.
-- The token '0' stands for a job taken without a lock.
local function lock_code(base, meta, job_id, token)
  if token == '0' then
    return 0
  end
  local holder
  if meta.locks then
    holder = meta.locks[job_id]
  else
    holder = redis.call('GET', base .. job_id .. ':lock')
  end
  if holder == token then
    return 0
  end
  return holder and -6 or -2
end
