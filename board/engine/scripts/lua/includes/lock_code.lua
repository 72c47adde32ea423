-- lock_code: whether a job's lock is ours. 0 it is, or none is needed · -2 it is missing · -6 another token holds it.
-- The token '0' stands for a job taken without a lock.
local function lock_code(base, job_id, token)
  local holder = token ~= '0' and redis.call('GET', base .. job_id .. ':lock')
  if token == '0' or holder == token then
    return 0
  end
  return holder and -6 or -2
end
