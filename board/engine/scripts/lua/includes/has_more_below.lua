-- has_more_below: whether more jobs hang below a job than `most`, whatever became of them, or whether those that have not ended
-- may wait in such long lists that looking for them there passes more than 50,000 ids.
-- Stops as soon as that is known; a job that is met again counts once.
-- @include child_place
-- @include child_counts
local function has_more_below(base, job_id, most)
  local keys, met, at = { base .. job_id }, { [base .. job_id] = true }, 1
  local lengths, passed = {}, 0
  while at <= #keys do
    local key = keys[at]
    local counts = child_counts(key)
    if counts[1] + counts[2] + counts[3] + counts[4] > most then
      return true
    end
    local function add(children)
      for _, child in ipairs(children) do
        if not met[child] then
          met[child] = true
          keys[#keys + 1] = child
        end
      end
    end
    if counts[1] > 0 then
      add(redis.call('HKEYS', key .. ':processed'))
    end
    if counts[2] > 0 then
      local pending = redis.call('SMEMBERS', key .. ':dependencies')
      for _, child in ipairs(pending) do
        local place = child_place(base, child) or ''
        lengths[place] = lengths[place] or try_read('LLEN', place .. 'wait') or 0
        passed = passed + lengths[place]
      end
      if passed > 50000 then
        return true
      end
      add(pending)
    end
    if counts[3] > 0 then
      add(redis.call('HKEYS', key .. ':failed'))
    end
    if counts[4] > 0 then
      add(redis.call('ZRANGE', key .. ':unsuccessful', 0, -1))
    end
    if #keys - 1 > most then
      return true
    end
    at = at + 1
  end
  return false
end
