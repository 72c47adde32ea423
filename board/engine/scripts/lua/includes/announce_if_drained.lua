-- announce_if_drained: tell when nothing is runnable or running any more.
-- @include emit
local function announce_if_drained(base)
  if
    redis.call('LLEN', base .. 'wait') == 0
    and redis.call('LLEN', base .. 'active') == 0
    and redis.call('ZCARD', base .. 'prioritized') == 0
  then
    emit(base, 'drained')
  end
end
