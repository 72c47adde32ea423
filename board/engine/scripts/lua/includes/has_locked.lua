-- has_locked: whether a worker holds the job, or, with `children`, any pending child below it.
-- @include child_place
local function has_locked(base, job_id, children)
  if redis.call('EXISTS', base .. job_id .. ':lock') == 1 then
    return true
  end
  if children then
    for _, key in ipairs(redis.call('SMEMBERS', base .. job_id .. ':dependencies')) do
      local child_base, child_id = child_place(base, key)
      if has_locked(child_base, child_id, children) then
        return true
      end
    end
  end
  return false
end
