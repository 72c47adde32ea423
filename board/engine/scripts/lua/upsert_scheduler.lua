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
event_limit(base, meta)

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

local removed = false
if previous then
  local pending = 'repeat:' .. id .. ':' .. string.format('%.0f', previous)
  if redis.call('EXISTS', base .. pending) == 1 then
    removed = redis.call('ZREM', base .. 'delayed', pending) == 1
      or redis.call('ZREM', base .. 'prioritized', pending) == 1
      or redis.call('LREM', waiting_list(base, meta), 1, pending) > 0
    if removed then
      forget_job(base, meta, pending, true, true)
    end
  end
end
if removed and same_interval then
  at = previous
elseif not removed or not kept_offset then
  kept_offset = slot_offset
end

local function is_taken(moment)
  return redis.call('EXISTS', base .. 'repeat:' .. id .. ':' .. string.format('%.0f', moment)) == 1
end

if is_taken(at) then
  if every then
    local tries = meta.legacy and 1 or 32
    while is_taken(at) and tries > 0 do
      at = at + every
      tries = tries - 1
    end
    if is_taken(at) then
      return -11
    end
  elseif not removed then
    return -10
  end
end

redis.call('ZADD', base .. 'repeat', at, id)
redis.call('DEL', record)
local fields = { 'name', spec.name, 'ic', stored[3] or 1, 'offset', kept_offset or slot_offset or 0 }
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
