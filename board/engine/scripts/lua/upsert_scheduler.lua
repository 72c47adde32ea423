-- upsert_scheduler: create a job scheduler or change it, and schedule its next run.
-- KEYS    base
-- ARGV    spec msgpack
-- DERIVED the queue's keys under its base
-- RETURNS {the next run's job id, its delay} · -10 that run's id is taken · -11 no free slot
-- EVENTS  added · waiting · delayed
-- COST    O(log n), O(waiting) when the pending run waits in line
local base = KEYS[1]
local spec = cmsgpack.unpack(ARGV[1])
-- @include read_meta
-- @include event_limit
-- @include next_slot
-- @include waiting_list
-- @include forget_job
-- @include add_iteration
local meta = read_meta(base)
local id, now, every = spec.id, spec.now, spec.rule.every
local record = base .. 'repeat:' .. id
local stored = redis.call('HMGET', record, 'every', 'offset', 'ic')
local previous = tonumber(redis.call('ZSCORE', base .. 'repeat', id) or nil)

local offset = tonumber(stored[2] or nil) or 0
if spec.rule.offset and not meta.legacy then
  offset = spec.rule.offset
end
local kept_offset = stored[2] and offset or nil
local same_interval = every and tonumber(stored[1] or nil) == every
local at, slot_offset
if every then
  -- A changed interval starts anew: only an offset that was asked for counts then.
  local known = (same_interval or spec.rule.offset) and offset or 0
  at, slot_offset = next_slot(meta, every, same_interval and previous or nil, now, known, spec.rule.startDate)
else
  at, slot_offset = spec.at, 0
end

-- The run that waits for its moment is replaced; one that a worker has taken, or that has ended, stays.
local function run_at(moment)
  return 'repeat:' .. id .. ':' .. string.format('%.0f', moment)
end

local pending = previous and run_at(previous)
local line = waiting_list(base, meta)
local place
if pending and redis.call('EXISTS', base .. pending) == 1 then
  if redis.call('ZSCORE', base .. 'delayed', pending) then
    place = base .. 'delayed'
  elseif redis.call('ZSCORE', base .. 'prioritized', pending) then
    place = base .. 'prioritized'
  elseif redis.call('LPOS', line, pending) then
    place = line
  end
end
if place and same_interval then
  at = previous
elseif not place or not kept_offset then
  kept_offset = slot_offset
end

local function is_taken(moment)
  return not (place and moment == previous) and redis.call('EXISTS', base .. run_at(moment)) == 1
end

local tries = every and (meta.legacy and 1 or 32) or 0
while is_taken(at) do
  if tries == 0 then
    return every and -11 or -10
  end
  at = at + every
  tries = tries - 1
end

event_limit(base, meta)
if place then
  if place == line then
    redis.call('LREM', line, 1, pending)
  else
    redis.call('ZREM', place, pending)
  end
  forget_job(base, meta, pending, true, true)
end
redis.call('ZADD', base .. 'repeat', at, id)
redis.call('DEL', record)
local fields = { 'name', spec.name, 'ic', stored[3] or spec.count, 'offset', kept_offset or slot_offset or 0 }
for _, field in ipairs({ 'pattern', 'every', 'tz', 'limit', 'startDate', 'endDate' }) do
  if spec.rule[field] then
    fields[#fields + 1] = field
    fields[#fields + 1] = spec.rule[field]
  end
end
if spec.template then
  fields[#fields + 1] = 'opts'
  fields[#fields + 1] = spec.template
end
if spec.data ~= '{}' then
  fields[#fields + 1] = 'data'
  fields[#fields + 1] = spec.data
end
redis.call('HSET', record, unpack(fields))
redis.call('INCR', base .. 'id')
local rule = spec.rule
rule.count = spec.count
local job_id, delay = add_iteration(base, meta, {
  scheduler = id, at = at, now = now, name = spec.name, data = spec.data, opts = spec.opts, rule = rule,
})
return { job_id, delay }
