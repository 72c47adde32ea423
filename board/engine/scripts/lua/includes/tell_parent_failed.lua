-- tell_parent_failed: what a child's final failure means for its parent, by the policy the child was added with.
-- Without a policy the parent goes on waiting.
-- @include free_parent
-- @include release_parent
-- @include release_parent_if_ready
local function tell_parent_failed(parent, child_key, reason, now)
  local policy = parent.policy
  if not policy or redis.call('SREM', parent.key .. ':dependencies', child_key) == 0 then
    return
  end
  if policy == 'fpof' then
    redis.call('ZADD', parent.key .. ':unsuccessful', now, child_key)
    if redis.call('EXISTS', parent.key) == 0 then
      return
    end
    local deferred = 'child ' .. child_key .. ' failed'
    if redis.call('ZSCORE', parent.base .. 'waiting-children', parent.id) then
      redis.call('HSET', parent.key, 'defa', deferred)
      release_parent(parent, now)
    elseif redis.call('ZREM', parent.base .. 'delayed', parent.id) == 1 then
      redis.call('HSET', parent.key, 'delay', 0, 'defa', deferred)
      free_parent(parent, now)
    elseif not redis.call('ZSCORE', parent.base .. 'failed', parent.id) then
      redis.call('HSET', parent.key, 'defa', deferred)
    end
  elseif policy == 'cpof' then
    redis.call('HSET', parent.key .. ':failed', child_key, reason)
    release_parent(parent, now)
  else
    release_parent_if_ready(parent, now)
    if policy == 'idof' then
      redis.call('HSET', parent.key .. ':failed', child_key, reason)
    end
  end
end
