-- child_kind: what became of a child as its parent knows it: failed, ignored, unprocessed or processed; `forgotten` when
-- its parent was told to drop it, though the child still names its parent.
-- @include try_read
local function child_kind(parent_key, child_key)
  if try_read('ZSCORE', parent_key .. ':unsuccessful', child_key) then
    return 'failed'
  elseif try_read('HEXISTS', parent_key .. ':failed', child_key) == 1 then
    return 'ignored'
  elseif try_read('SISMEMBER', parent_key .. ':dependencies', child_key) == 1 then
    return 'unprocessed'
  elseif try_read('HEXISTS', parent_key .. ':processed', child_key) == 1 then
    return 'processed'
  end
  return 'forgotten'
end
