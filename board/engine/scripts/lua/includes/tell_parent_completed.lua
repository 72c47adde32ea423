-- tell_parent_completed: record a child's result with its parent, which becomes runnable after the last one.
-- @include release_parent_if_ready
local function tell_parent_completed(parent, child_key, value, now)
  if redis.call('SREM', parent.key .. ':dependencies', child_key) == 1 then
    redis.call('HSET', parent.key .. ':processed', child_key, value)
    release_parent_if_ready(parent, now)
  end
end
