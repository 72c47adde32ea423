-- resume_queue: workers take jobs again; jobs in the list `paused` (release 5) go back in line, joined, never overwriting.
-- KEYS    base
-- ARGV    first flag
-- DERIVED the queue's keys under its base
-- RETURNS how many jobs are left in `paused`: call again until 0
-- EVENTS  resumed
-- COST    O(1), or up to 5,000 moves where both lists hold jobs
local base = KEYS[1]
local first = ARGV[1] == '1'
-- @include read_meta
-- @include mark_next_due
-- @include emit
redis.call('HDEL', base .. 'meta', 'paused')
local meta = read_meta(base)
local wait, paused = base .. 'wait', base .. 'paused'
local left = 0
local moved = redis.call('EXISTS', paused) == 1
if moved then
  if redis.call('EXISTS', wait) == 0 then
    redis.call('RENAME', paused, wait)
  else
    local ids = redis.call('LRANGE', paused, 0, 4999)
    redis.call('RPUSH', wait, unpack(ids))
    redis.call('LTRIM', paused, 5000, -1)
    left = redis.call('LLEN', paused)
  end
end
local prioritized = redis.call('ZCARD', base .. 'prioritized') > 0
if prioritized or redis.call('EXISTS', wait) == 1 then
  redis.call('ZADD', base .. 'marker', 0, '0')
end
-- Release 5 looks for waiting jobs in the list `paused` only, and tells when the next delayed one is due otherwise.
if not prioritized and (redis.call('EXISTS', wait) == 0 or (meta.legacy and not moved)) then
  mark_next_due(base)
end
if first then
  emit(base, 'resumed')
end
return left
