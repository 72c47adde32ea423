-- failed_itself: whether a parent had failed already, for a reason of its own, when one of its children failed it. The clocks
-- of two workers differ, so a parent that says it failed for a child did, whatever the moments.
-- @include try_read
local function failed_itself(parent, child_key)
  local ended = try_read('ZSCORE', parent.base .. 'failed', parent.id)
  local since = try_read('ZSCORE', parent.key .. ':unsuccessful', child_key)
  if not ended or not since or tonumber(ended) >= tonumber(since) then
    return false
  end
  local reason = try_read('HGET', parent.key, 'failedReason') or ''
  return not (string.match(reason, '^child .+ failed$') or string.find(reason, 'failed child', 1, true))
end
