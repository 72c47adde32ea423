-- is_held: whether a worker holds a job, or held it and was lost.
local function is_held(base, job_id)
  return redis.call('EXISTS', base .. job_id .. ':lock') == 1 or redis.call('LPOS', base .. 'active', job_id) ~= false
end
