-- has_locked: whether a worker holds the job, or, with `children`, any pending child below it. `met` is for itself alone.
-- @include child_place
local function has_locked(base, job_id, children, met)
  local key = base .. job_id
  if redis.call('EXISTS', key .. ':lock') == 1 then
    return true
  end
  met = met or {}
  if children and not met[key] then
    met[key] = true
    for _, child in ipairs(redis.call('SMEMBERS', key .. ':dependencies')) do
      local child_base, child_id = child_place(base, child)
      if has_locked(child_base, child_id, children, met) then
        return true
      end
    end
  end
  return false
end
