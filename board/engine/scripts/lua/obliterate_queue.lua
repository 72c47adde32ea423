-- obliterate_queue: delete a paused queue with everything in it, in bounded steps; the last step deletes the queue itself.
-- KEYS    base
-- ARGV    count int · force flag
-- DERIVED the queue's keys under its base, and their parents'
-- RETURNS 0 all gone · 1 call again · -1 not paused · -2 jobs are active and `force` is off
-- EVENTS  none
-- COST    O(count log n)
local base = KEYS[1]
local count, force = tonumber(ARGV[1]), ARGV[2] == '1'
-- @include read_meta
-- @include forget_job
local meta = read_meta(base)
if not meta.paused then
  return -1
end
if not force and redis.call('LLEN', base .. 'active') > 0 then
  return -2
end
local budget = count

local function empty(suffix, is_list, before)
  if budget <= 0 then
    return
  end
  local key = base .. suffix
  local ids = redis.call(is_list and 'LRANGE' or 'ZRANGE', key, 0, budget - 1)
  if #ids == 0 then
    return
  end
  if is_list then
    redis.call('LTRIM', key, #ids, -1)
  else
    redis.call('ZREMRANGEBYRANK', key, 0, #ids - 1)
  end
  for _, id in ipairs(ids) do
    before(id)
  end
  budget = budget - #ids
end

local function forget(id)
  forget_job(base, meta, id, true, true)
end

empty('active', true, function(id)
  redis.call('DEL', base .. id .. ':lock')
  forget(id)
end)
empty('delayed', false, forget)
empty('repeat', false, function(id)
  redis.call('DEL', base .. 'repeat:' .. id)
end)
empty('completed', false, forget)
empty('wait', true, forget)
empty('paused', true, forget)
empty('prioritized', false, forget)
empty('failed', false, forget)
empty('waiting-children', false, forget)
if budget <= 0 then
  return 1
end
for _, suffix in ipairs({
  'events', 'delay', 'stalled-check', 'stalled', 'id', 'pc', 'marker', 'meta', 'limiter', 'board:stops', 'metrics:completed',
  'metrics:completed:data', 'metrics:failed', 'metrics:failed:data',
}) do
  redis.call('DEL', base .. suffix)
end
return 0
