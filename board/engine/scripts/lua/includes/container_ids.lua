-- container_ids: the ids from one place of a state's container on, in the order asked for: {{id, score or false}, …}.
-- In a list (waiting, active, paused) the newest is at index 0; a sorted set is read by rank.
-- @include try_read
local function container_ids(container, is_list, newest_first, start, count)
  local found = {}
  if is_list then
    if newest_first then
      for i, job_id in ipairs(try_read('LRANGE', container, start, start + count - 1) or {}) do
        found[i] = { job_id, false }
      end
      return found
    end
    local backwards = try_read('LRANGE', container, -start - count, -start - 1) or {}
    for i = #backwards, 1, -1 do
      found[#found + 1] = { backwards[i], false }
    end
    return found
  end
  local range = newest_first and 'ZREVRANGE' or 'ZRANGE'
  local members = try_read(range, container, start, start + count - 1, 'WITHSCORES') or {}
  for i = 1, #members, 2 do
    found[#found + 1] = { members[i], members[i + 1] }
  end
  return found
end
