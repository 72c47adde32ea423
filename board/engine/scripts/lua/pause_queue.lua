-- pause_queue: workers take no more jobs. A queue of release 5 moves its waiting jobs to the list `paused`; unlike there, a
-- list that is there already is joined, not overwritten.
-- KEYS    base
-- ARGV    none
-- DERIVED the queue's keys under its base
-- RETURNS how many jobs are still to be moved: call again until 0
-- EVENTS  paused
-- COST    O(1), or up to 5,000 moves where `paused` holds jobs already
local base = KEYS[1]
-- @include read_meta
-- @include emit
local meta = read_meta(base)
local was_paused = meta.paused
redis.call('HSET', base .. 'meta', 'paused', 1)
redis.call('DEL', base .. 'marker')
local left = 0
if meta.legacy and redis.call('EXISTS', base .. 'wait') == 1 then
  if redis.call('EXISTS', base .. 'paused') == 0 then
    redis.call('RENAME', base .. 'wait', base .. 'paused')
  else
    -- What waits is older than what was added under the pause: it keeps its place at the tail, which runs first.
    local ids = redis.call('LRANGE', base .. 'wait', 0, 4999)
    redis.call('RPUSH', base .. 'paused', unpack(ids))
    redis.call('LTRIM', base .. 'wait', 5000, -1)
    left = redis.call('LLEN', base .. 'wait')
  end
end
if left == 0 or not was_paused then
  emit(base, 'paused')
end
return left
