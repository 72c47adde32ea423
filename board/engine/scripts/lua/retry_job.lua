-- retry_job: a job that ended runs again; its data, stack traces and, unless asked, its attempts stay.
-- KEYS    base
-- ARGV    job_id str · set str · reset_made flag · reset_started flag · seen str
-- DERIVED the queue's keys under its base, and its parent's
-- RETURNS 1 done · -1 no such job · -3 not in that set, or not with the score `seen` any more
-- EVENTS  waiting
-- COST    O(log n)
local base = KEYS[1]
local job_id, set, reset_made, reset_started = ARGV[1], ARGV[2], ARGV[3] == '1', ARGV[4] == '1'
local seen = ARGV[5]
-- @include read_meta
-- @include enqueue
-- @include reattach_to_parent
-- @include emit_trimmed
local key = base .. job_id
local fields = redis.call('HMGET', key, 'priority', 'opts', 'parentKey')
if not fields[2] and redis.call('EXISTS', key) == 0 then
  return -1
end
if seen ~= '' and redis.call('ZSCORE', base .. set, job_id) ~= seen then
  return -3
end
if redis.call('ZREM', base .. set, job_id) == 0 then
  return -3
end
local meta = read_meta(base)
redis.call('HDEL', key, 'finishedOn', 'processedOn', set == 'failed' and 'failedReason' or 'returnvalue')
if reset_made then
  redis.call('HDEL', key, 'atm')
end
if reset_started then
  redis.call('HDEL', key, 'ats')
end
local ok, opts = pcall(cjson.decode, fields[2] or '')
local lifo = ok and type(opts) == 'table' and opts.lifo == true
enqueue(base, meta, job_id, meta.legacy and 0 or tonumber(fields[1] or nil) or 0, lifo)
reattach_to_parent(base, job_id, fields[3], set)
emit_trimmed(base, meta, 'waiting', 'jobId', job_id, 'prev', set)
return 1
