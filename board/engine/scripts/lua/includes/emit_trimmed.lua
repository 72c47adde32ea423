-- emit_trimmed: append an event and trim the stream to about the queue's limit, once in a run of a script.
-- @include event_limit
local function emit_trimmed(base, meta, name, ...)
  local events = base .. 'events'
  if meta.trimmed then
    redis.call('XADD', events, '*', 'event', name, ...)
  else
    redis.call('XADD', events, 'MAXLEN', '~', event_limit(base, meta), '*', 'event', name, ...)
    meta.trimmed = true
  end
end
