-- take_out: remove a job from the first list or set that holds it, and say which; `unknown` where none does.
local function take_out(base, job_id)
  for _, set in ipairs({ 'completed', 'waiting-children', 'delayed', 'failed', 'prioritized' }) do
    if redis.call('ZREM', base .. set, job_id) == 1 then
      return set
    end
  end
  for _, list in ipairs({ 'wait', 'paused', 'active' }) do
    if redis.call('LREM', base .. list, 0, job_id) > 0 then
      return list
    end
  end
  return 'unknown'
end
