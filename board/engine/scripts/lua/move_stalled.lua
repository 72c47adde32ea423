-- move_stalled: take jobs back whose worker is gone: suspected at the last check, and still without a lock now.
-- One check an interval for all workers of the queue; each check then suspects every active job, and every renewed lock
-- clears a suspicion. Where many jobs are active, a check goes through them in steps, from the oldest on: what stays is
-- put at the other end, so that all are in order again when it is through.
-- KEYS    base
-- ARGV    max_stalled int · now int · interval int · left int
-- DERIVED the queue's keys under its base
-- RETURNS {the ids that went back in line, how many active jobs are left: call again with this number}
-- EVENTS  waiting · stalled
-- COST    O(100 log n)
local base = KEYS[1]
local max_stalled, now, interval, left = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
-- @include read_meta
-- @include trim_stream
-- @include push_waiting
-- @include emit
local step = 100
if left > 0 then
  redis.call('PEXPIRE', base .. 'stalled-check', interval)
elseif not redis.call('SET', base .. 'stalled-check', now, 'PX', interval, 'NX') then
  return { {}, 0 }
end
local meta = read_meta(base)
if left == 0 then
  trim_stream(base, meta)
end

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

local function recover(job_id)
  local key = base .. job_id
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

local active, stalled = base .. 'active', base .. 'stalled'
local total = redis.call('LLEN', active)
if left == 0 and total <= step and redis.call('SCARD', stalled) <= step then
  local suspects = redis.call('SMEMBERS', stalled)
  if #suspects > 0 then
    redis.call('DEL', stalled)
  end
  for _, job_id in ipairs(suspects) do
    if redis.call('EXISTS', base .. job_id .. ':lock') == 0 and redis.call('LREM', active, 1, job_id) > 0 then
      recover(job_id)
    end
  end
  local ids = redis.call('LRANGE', active, 0, -1)
  if #ids > 0 then
    redis.call('SADD', stalled, unpack(ids))
  end
  return { recovered, 0 }
end
left = left == 0 and total or math.min(left, total)
local ids = redis.call('LRANGE', active, -math.min(step, left), -1)
redis.call('LTRIM', active, 0, -(#ids + 1))
local kept = {}
for i = #ids, 1, -1 do
  local suspected = redis.call('SREM', stalled, ids[i]) == 1
  if suspected and redis.call('EXISTS', base .. ids[i] .. ':lock') == 0 then
    recover(ids[i])
  else
    kept[#kept + 1] = ids[i]
  end
end
if #kept > 0 then
  redis.call('LPUSH', active, unpack(kept))
  redis.call('SADD', stalled, unpack(kept))
end
return { recovered, left - #ids }
