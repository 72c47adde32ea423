-- release_parent_if_ready: the same, if no child is pending.
-- @include release_parent
local function release_parent_if_ready(parent, now)
  if redis.call('SCARD', parent.key .. ':dependencies') == 0 then
    release_parent(parent, now)
  end
end
