-- free_parent: make a parent runnable that was just taken out of its container.
-- With a delay of its own it is delayed first; otherwise it runs next, or by its priority.
-- @include read_meta
-- @include emit
-- @include enqueue
-- @include mark_next_due
local function free_parent(parent, now)
  local fields = redis.call('HMGET', parent.key, 'priority', 'delay')
  local priority = tonumber(fields[1] or nil) or 0
  local delay = tonumber(fields[2] or nil) or 0
  if delay > 0 then
    local due = now + delay
    redis.call('ZADD', parent.base .. 'delayed', due * 4096, parent.id)
    emit(parent.base, 'delayed', 'jobId', parent.id, 'delay', due)
    mark_next_due(parent.base)
  else
    enqueue(parent.base, read_meta(parent.base), parent.id, priority, true)
    emit(parent.base, 'waiting', 'jobId', parent.id, 'prev', 'waiting-children')
  end
end
