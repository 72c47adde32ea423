-- read_meta: the conditions of a queue that decide where a job goes, in one command.
-- `legacy` is true where release 5 of the Node client wrote the queue: it keeps the jobs of a paused queue in `paused`.
local function read_meta(base)
  local fields = redis.call('HMGET', base .. 'meta', 'paused', 'concurrency', 'version', 'opts.maxLenEvents', 'max',
    'duration')
  return {
    paused = fields[1] ~= false,
    concurrency = tonumber(fields[2] or nil),
    legacy = string.sub(fields[3] or '', 1, 9) == 'bullmq:5.',
    max_events = tonumber(fields[4] or nil),
    limit_max = tonumber(fields[5] or nil),
    limit_duration = tonumber(fields[6] or nil),
  }
end
