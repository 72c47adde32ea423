-- replay_dead_letter: send a dead letter back to where it came from, and take the copy away.
-- A job that is still among the failed of its queue runs again with all its attempts; one that is gone is made anew from the
-- copy, without its former parent; one that somebody already set in motion is left alone.
-- KEYS    base
-- ARGV    copy_id str · now int · born str
-- DERIVED the keys of the dead-letter queue and of the job's own queue, and its parent's
-- RETURNS 1 runs again · 2 made anew · 3 was in motion already · 0 a worker holds the copy · -1 no such copy
--         · -3 not a dead letter, or not the one that was added at the time `born`
-- EVENTS  waiting · added · removed
-- COST    O(log n), and O(waiting) to find the copy
local base = KEYS[1]
local copy_id, now, born = ARGV[1], tonumber(ARGV[2]), ARGV[3]
-- @include read_meta
-- @include enqueue
-- @include store_job
-- @include emit_trimmed
-- @include reattach_to_parent
-- @include take_out
-- @include delete_job_keys
local copy = base .. copy_id
local fields = redis.call('HMGET', copy, 'opts', 'name', 'data', 'timestamp')
if not fields[1] then
  return -1
end
if born ~= '' and fields[4] ~= born then
  return -3
end
local ok, opts = pcall(cjson.decode, fields[1])
local letter = ok and type(opts) == 'table' and opts.deadLetter
if type(letter) ~= 'table' or type(letter.queue) ~= 'string' or type(letter.id) ~= 'string' then
  return -3
end
if redis.call('EXISTS', copy .. ':lock') == 1 then
  return 0
end

local home = (letter.prefix or '') .. ':' .. letter.queue .. ':'
local job_id = letter.id
local key = home .. job_id
local meta = read_meta(home)
local result = 3
if redis.call('EXISTS', key) == 0 then
  local known, original = pcall(cjson.decode, letter.opts or '')
  original = known and type(original) == 'table' and original or {}
  local job = {
    name = fields[2] or '',
    data = fields[3] or '{}',
    opts = letter.opts or '{}',
    timestamp = letter.timestamp or now,
    priority = tonumber(original.priority) or 0,
    lifo = original.lifo == true,
  }
  store_job(home, job_id, job)
  enqueue(home, meta, job_id, job.priority, job.lifo)
  emit_trimmed(home, meta, 'waiting', 'jobId', job_id)
  result = 2
elseif redis.call('ZREM', home .. 'failed', job_id) == 1 then
  local stored = redis.call('HMGET', key, 'priority', 'parentKey')
  redis.call('HDEL', key, 'finishedOn', 'processedOn', 'failedReason', 'atm')
  enqueue(home, meta, job_id, meta.legacy and 0 or tonumber(stored[1] or nil) or 0, false)
  reattach_to_parent(home, job_id, stored[2], 'failed')
  emit_trimmed(home, meta, 'waiting', 'jobId', job_id, 'prev', 'failed')
  result = 1
end

local from = take_out(base, copy_id)
delete_job_keys(base, copy_id)
emit_trimmed(base, read_meta(base), 'removed', 'jobId', copy_id, 'prev', from)
return result
