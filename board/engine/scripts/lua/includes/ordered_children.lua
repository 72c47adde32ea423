-- ordered_children: children of a job in the order people look for them, as {key, kind}: failed ones, then those a worker
-- holds, then those that wait, then ignored failures, then those done. At most `most`; how many were put in order is told too,
-- and the lists of those that have ended: failed ones, and those done.
-- A child that failed without a policy for it still counts as unprocessed, so where they are is asked of each, as long as
-- `budget.left` lasts, which all calls of a script share; beyond it some are taken as they come.
-- @include try_read
-- @include split_key
-- @include some_fields
local function ordered_children(key, most, budget)
  local failed, held, waiting, rest = {}, {}, {}, {}
  local function push(list, kind, child)
    list[#list + 1] = { child, kind }
  end
  for _, child in ipairs(try_read('ZRANGE', key .. ':unsuccessful', 0, most - 1) or {}) do
    push(failed, 'failed', child)
  end
  local pending = try_read('SCARD', key .. ':dependencies') or 0
  local members = {}
  if pending > 0 and pending <= budget.left then
    members = redis.call('SMEMBERS', key .. ':dependencies')
  elseif pending > 0 then
    members = redis.call('SSCAN', key .. ':dependencies', 0, 'COUNT', most)[2]
  end
  for _, child in ipairs(members) do
    local base, job_id = split_key(child)
    budget.left = budget.left - 1
    if budget.left > 0 and base and try_read('ZSCORE', base .. 'failed', job_id) then
      push(failed, 'unprocessed', child)
    elseif budget.left > 0 and base and redis.call('EXISTS', child .. ':lock') == 1 then
      push(held, 'unprocessed', child)
    else
      push(waiting, 'unprocessed', child)
    end
  end
  local function done(suffix, kind)
    local count = try_read('HLEN', key .. suffix) or 0
    for _, child in ipairs(some_fields(key .. suffix, count, budget.left, most)) do
      push(rest, kind, child)
    end
    if count <= budget.left then
      budget.left = budget.left - count
    end
  end
  done(':failed', 'ignored')
  done(':processed', 'processed')
  local ordered, total = {}, 0
  for _, list in ipairs({ failed, held, waiting, rest }) do
    total = total + #list
    for i = 1, math.min(#list, most - #ordered) do
      ordered[#ordered + 1] = list[i]
    end
  end
  return ordered, total, { failed, rest }
end
