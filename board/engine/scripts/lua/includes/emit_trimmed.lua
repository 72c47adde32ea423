-- emit_trimmed: append an event and trim the stream to about the queue's limit.
-- @include event_limit
local function emit_trimmed(base, meta, name, ...)
  redis.call('XADD', base .. 'events', 'MAXLEN', '~', event_limit(base, meta), '*', 'event', name, ...)
end
