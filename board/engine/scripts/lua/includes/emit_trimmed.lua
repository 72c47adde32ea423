-- emit_trimmed: append an event and trim the stream to about the queue's limit, once in a run of a script. The event itself
-- stays whatever the limit.
-- @include event_limit
local function emit_trimmed(base, meta, name, ...)
  local events = base .. 'events'
  if meta.trimmed then
    redis.call('XADD', events, '*', 'event', name, ...)
  else
    redis.call('XADD', events, 'MAXLEN', '~', math.max(event_limit(base, meta), 1), '*', 'event', name, ...)
    meta.trimmed = true
  end
end
