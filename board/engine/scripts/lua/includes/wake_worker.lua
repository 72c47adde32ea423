-- wake_worker: set the marker that blocked workers pop, unless they could take nothing; once in a run of a script.
-- @include is_blocked
local function wake_worker(base, meta)
  if not meta.marked and not is_blocked(base, meta) then
    redis.call('ZADD', base .. 'marker', '0', '0')
    meta.marked = true
  end
end
