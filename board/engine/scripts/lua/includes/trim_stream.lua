-- trim_stream: cut the events stream to about the queue's limit.
-- @include event_limit
local function trim_stream(base, meta)
  redis.call('XTRIM', base .. 'events', 'MAXLEN', '~', event_limit(base, meta))
end
