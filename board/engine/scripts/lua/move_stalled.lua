-- move_stalled: take jobs back whose worker is gone: suspected at the last check, and still without a lock now.
-- One check an interval for all workers of the queue; each check then suspects every active job, and every renewed lock
-- clears a suspicion.
-- KEYS    base
-- ARGV    max_stalled int · now int · interval int
-- DERIVED the queue's keys under its base
-- RETURNS the ids that went back in line
-- EVENTS  waiting · stalled
-- COST    O(active), and O(active) for each stalled job
local base = KEYS[1]
local max_stalled, now, interval = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
-- @include read_meta
-- @include trim_stream
-- @include push_waiting
-- @include emit
if not redis.call('SET', base .. 'stalled-check', now, 'PX', interval, 'NX') then
  return {}
end
local meta = read_meta(base)
trim_stream(base, meta)

local function is_scheduled(key)
  local fields = redis.call('HMGET', key, 'rjk', 'opts')
  if meta.legacy then
    local ok, opts = pcall(cjson.decode, fields[2] or '')
    return ok and type(opts) == 'table' and opts['repeat'] ~= nil
  end
  local scheduler = fields[1]
  return scheduler
    and (redis.call('EXISTS', base .. 'repeat:' .. scheduler) == 1
      or redis.call('ZSCORE', base .. 'repeat', scheduler) ~= false)
end

local recovered = {}
local suspects = redis.call('SMEMBERS', base .. 'stalled')
if #suspects > 0 then
  redis.call('DEL', base .. 'stalled')
end
for _, job_id in ipairs(suspects) do
  local key = base .. job_id
  if redis.call('EXISTS', key .. ':lock') == 0 and redis.call('LREM', base .. 'active', 1, job_id) > 0 then
    if redis.call('EXISTS', key) == 1 then
      local stalls = redis.call('HINCRBY', key, 'stc', 1)
      if stalls > max_stalled and not is_scheduled(key) then
        redis.call('HSET', key, 'defa', 'job stalled more than allowable limit')
      end
      push_waiting(base, meta, job_id, true)
      emit(base, 'waiting', 'jobId', job_id, 'prev', 'active')
      emit(base, 'stalled', 'jobId', job_id)
      recovered[#recovered + 1] = job_id
    end
  end
end
local active = redis.call('LRANGE', base .. 'active', 0, -1)
for first = 1, #active, 5000 do
  redis.call('SADD', base .. 'stalled', unpack(active, first, math.min(first + 4999, #active)))
end
return recovered
