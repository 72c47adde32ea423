-- take_together: move up to `count` jobs that wait to `active`, as if one by one, and return their ids in the order they were
-- taken. Ids that lead nowhere are for the caller to drop.
-- The ids stand in both lists for a moment, so that none is lost to a key of a wrong type.
local function take_together(base, count)
  local waiting = base .. 'wait'
  local last = redis.call('LRANGE', waiting, string.format('-%d', count), '-1')
  local ids, size = {}, #last
  if size > 0 then
    for i = 1, size do
      ids[i] = last[size + 1 - i]
    end
    redis.call('LPUSH', base .. 'active', unpack(ids))
    redis.call('LTRIM', waiting, '0', string.format('-%d', size + 1))
  end
  return ids
end
