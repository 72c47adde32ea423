-- clean_jobs: remove jobs of one state that are old enough, in one bounded step that looks at `count` of the oldest.
-- The pending iterations of job schedulers and locked jobs stay.
-- KEYS    base
-- ARGV    container str · cutoff int · skip int · count int · limit int · announce flag
-- DERIVED the queue's keys under its base, and their parents'
-- RETURNS {removed ids, how many of those looked at stayed, 1 where there may be more}
-- EVENTS  cleaned
-- COST    O(count log n), and O(list) in the middle of a list for one job, or for as many as pass 50,000 ids in all
local base = KEYS[1]
local container, cutoff, skip, count = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local limit, announce = tonumber(ARGV[5]), ARGV[6] == '1'
-- @include read_meta
-- @include is_pending_run
-- @include forget_job
-- @include emit
local meta = read_meta(base)
local key = base .. container
local is_list = container == 'wait' or container == 'paused' or container == 'active'
local is_finished = container == 'completed' or container == 'failed'
local ids
if is_list then
  ids = redis.call('LRANGE', key, -(skip + count), -(skip + 1))
elseif is_finished then
  ids = redis.call('ZRANGEBYSCORE', key, '-inf', cutoff, 'LIMIT', skip, count)
else
  ids = redis.call('ZRANGE', key, skip, skip + count - 1)
end

local function moment_of(job_id)
  local fields = redis.call('HMGET', base .. job_id, 'finishedOn', 'processedOn', 'timestamp')
  if container == 'prioritized' then
    return fields[3]
  elseif container == 'delayed' then
    return fields[2] or fields[3]
  end
  return fields[1] or fields[2] or fields[3]
end

local function is_old(job_id)
  if is_finished then
    return true
  end
  if is_pending_run(base, job_id) or (container == 'active' and redis.call('EXISTS', base .. job_id .. ':lock') == 1) then
    return false
  end
  local moment = tonumber(moment_of(job_id) or nil)
  return not moment or moment <= cutoff
end

-- Lists come newest first; which jobs go is decided from the oldest on, in what order they go from the newest. A job is taken
-- out of the middle of a list past all that stay: past so many in one step, or one.
local chosen, kept, looked, passed = {}, skip, 0, 0
local length = is_list and redis.call('LLEN', key) or 0
local left = limit == 0 and #ids or limit
local first, last, step = 1, #ids, 1
if is_list then
  first, last, step = #ids, 1, -1
end
for i = first, last, step do
  if passed >= 50000 then
    break
  end
  looked = looked + 1
  if left > 0 and is_old(ids[i]) then
    chosen[#chosen + 1] = { ids[i], kept < length / 2 and -1 or 1 }
    left = left - 1
    passed = is_list and passed + math.min(kept, length - kept) or 0
  else
    kept = kept + 1
  end
end
local gone = {}
for i = 1, #chosen do
  local job_id, from = unpack(chosen[is_list and #chosen + 1 - i or i])
  if is_list then
    redis.call('LREM', key, from, job_id)
  else
    redis.call('ZREM', key, job_id)
  end
  forget_job(base, meta, job_id, true, true)
  gone[i] = job_id
end
if announce or #gone > 0 then
  emit(base, 'cleaned', 'count', #gone)
end
return { gone, looked - #gone, (looked < #ids or #ids == count) and 1 or 0 }
