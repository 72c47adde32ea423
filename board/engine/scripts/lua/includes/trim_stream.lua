-- trim_stream: cut the events stream to about the queue's limit, once in a run of a script.
-- @include event_limit
local function trim_stream(base, meta)
  if not meta.trimmed then
    redis.call('XTRIM', base .. 'events', 'MAXLEN', '~', event_limit(base, meta))
    meta.trimmed = true
  end
end
