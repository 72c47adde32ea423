-- take_out: remove a job from the first list or set that holds it, and say which; `unknown` where none does.
-- @include leave_list
local function take_out(base, job_id)
  for _, set in ipairs({ 'completed', 'waiting-children', 'delayed', 'failed', 'prioritized' }) do
    if redis.call('ZREM', base .. set, job_id) == 1 then
      return set
    end
  end
  for _, list in ipairs({ 'wait', 'paused', 'active' }) do
    if leave_list(base .. list, job_id) then
      return list
    end
  end
  return 'unknown'
end
