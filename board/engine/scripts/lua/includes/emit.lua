-- emit: append an event without trimming the stream.
local function emit(base, name, ...)
  redis.call('XADD', base .. 'events', '*', 'event', name, ...)
end
