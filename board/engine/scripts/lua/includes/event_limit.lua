-- event_limit: the length to trim the events stream to; written with its default where the queue has none yet.
local function event_limit(base, meta)
  if not meta.max_events then
    redis.call('HSET', base .. 'meta', 'opts.maxLenEvents', 10000)
    meta.max_events = 10000
  end
  return meta.max_events
end
