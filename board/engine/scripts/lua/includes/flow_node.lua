-- flow_node: one job of a flow as a flat list of names and values. `at` is its place {base, id, state}, where that is known.
-- @include try_read
-- @include locate_job
-- @include child_counts
local function flow_node(key, at, parent, kind, level, budget)
  at = at or locate_job(key, budget)
  if not at[3] then
    local where = state_of(at[1], at[2], budget)
    at[3] = where and where[1] or 'unknown'
  end
  local names = { 'name', 'progress', 'failedReason', 'timestamp', 'processedOn', 'finishedOn', 'pb', 'atm' }
  local fields = try_read('HMGET', key, unpack(names)) or {}
  local exists = try_read('EXISTS', key) == 1
  local node = {
    'key', key, 'base', at[1], 'id', at[2], 'state', exists and at[3] or false, 'parent', parent, 'kind', kind,
    'level', level, 'counts', child_counts(key), 'shown', 0,
  }
  for i, name in ipairs(names) do
    if fields[i] then
      node[#node + 1] = name
      node[#node + 1] = string.sub(fields[i], 1, 600)
    end
  end
  if node[8] == 'delayed' then
    node[#node + 1] = 'score'
    node[#node + 1] = try_read('ZSCORE', at[1] .. 'delayed', at[2]) or false
  end
  return node
end
