-- is_blocked: whether workers may take nothing now: the queue is paused, or at its global concurrency.
local function is_blocked(base, meta)
  if meta.paused then
    return true
  end
  return meta.concurrency ~= nil and redis.call('LLEN', base .. 'active') >= meta.concurrency
end
