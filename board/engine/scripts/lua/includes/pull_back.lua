-- pull_back: a parent that a failed child had failed, or was about to, waits or runs instead, now that the child is not
-- among its failed ones any more: 0 it waits for others · 1 it is runnable · 3 another child still fails it. And the
-- parent above it that failed with it, which waits for this one again. No worker may hold the parent.
-- @include parent_of
-- @include failed_itself
-- @include clear_deferred
-- @include read_meta
-- @include enqueue
-- @include emit
-- @include take_out
-- @include reattach_to_parent
-- @include release_parent_if_ready
local function pull_back(parent, now)
  local key, base, id = parent.key, parent.base, parent.id
  if clear_deferred(key) then
    return 3
  end
  local pending = redis.call('SCARD', key .. ':dependencies') > 0
  if redis.call('ZSCORE', base .. 'waiting-children', id) then
    release_parent_if_ready(parent, now)
    return pending and 0 or 1
  end
  local above
  local had_failed = redis.call('ZREM', base .. 'failed', id) == 1
  if had_failed then
    local fields = redis.call('HMGET', key, 'parentKey', 'parent')
    above = parent_of(fields[1], fields[2])
    if above and (not redis.call('ZSCORE', above.key .. ':unsuccessful', key) or failed_itself(above, key)) then
      above = nil
    end
    reattach_to_parent(base, id, fields[1], 'failed')
    redis.call('HDEL', key, 'finishedOn', 'processedOn', 'failedReason')
  end
  if pending then
    local before = had_failed and 'failed' or take_out(base, id)
    redis.call('ZADD', base .. 'waiting-children', now, id)
    emit(base, 'waiting-children', 'jobId', id, 'prev', before)
    return 0, above
  end
  if had_failed then
    enqueue(base, read_meta(base), id, tonumber(redis.call('HGET', key, 'priority') or nil) or 0, true)
    emit(base, 'waiting', 'jobId', id, 'prev', 'failed')
  end
  return 1, above
end
