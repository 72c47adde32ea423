-- bury_job: put a copy of a job that failed for good into a dead-letter queue, once: a copy that is there is brought up to date.
-- The copy keeps name, data and stack traces; its option `deadLetter` tells where it came from and why.
-- @include read_meta
-- @include store_job
-- @include route_job
local function bury_job(place, job_id, key, reason, now)
  local copy_id = place.origin .. '/' .. job_id
  local copy = place.base .. copy_id
  local fields = redis.call('HMGET', key, 'name', 'data', 'opts', 'timestamp', 'stacktrace', 'atm', 'ats', 'processedOn')
  local opts = {
    attempts = 1,
    jobId = copy_id,
    deadLetter = {
      queue = place.origin,
      prefix = place.prefix,
      id = job_id,
      reason = reason,
      attemptsMade = tonumber(fields[6] or nil) or 0,
      attemptsStarted = tonumber(fields[7] or nil) or 0,
      timestamp = tonumber(fields[4] or nil),
      processedOn = tonumber(fields[8] or nil),
      failedOn = now,
      opts = fields[3] or '{}',
    },
  }
  local job = { name = fields[1] or '', data = fields[2] or '{}', opts = cjson.encode(opts), timestamp = now }
  if redis.call('EXISTS', copy) == 1 then
    redis.call('HSET', copy, 'data', job.data, 'opts', job.opts)
  else
    local meta = read_meta(place.base)
    redis.call('INCR', place.base .. 'id')
    store_job(place.base, copy_id, job)
    route_job(place.base, meta, copy_id, job)
  end
  redis.call('HSET', copy, 'failedReason', reason, 'stacktrace', fields[5] or '[]')
end
