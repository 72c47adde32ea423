-- release_parent: a parent that waits for children becomes runnable; nothing happens to one that does not.
-- @include free_parent
local function release_parent(parent, now)
  if redis.call('EXISTS', parent.key) == 1 and redis.call('ZREM', parent.base .. 'waiting-children', parent.id) == 1 then
    free_parent(parent, now)
  end
end
