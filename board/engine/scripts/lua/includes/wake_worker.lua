-- wake_worker: set the marker that blocked workers pop, unless they could take nothing.
-- @include is_blocked
local function wake_worker(base, meta)
  if not is_blocked(base, meta) then
    redis.call('ZADD', base .. 'marker', 0, '0')
  end
end
