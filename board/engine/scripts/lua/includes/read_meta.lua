-- read_meta: the conditions of a queue that decide where a job goes, in one command.
-- A limit of the events stream that Redis would refuse counts as none: trimming may not fail in the middle of a script.
-- `legacy` is true where release 5 of the Node client wrote the queue: it keeps the jobs of a paused queue in `paused`.
local function read_meta(base)
  local fields = redis.call('HMGET', base .. 'meta', 'paused', 'concurrency', 'version', 'opts.maxLenEvents', 'max',
    'duration')
  local max_events = tonumber(fields[4] or nil)
  if max_events and not (max_events >= 0 and max_events < 2 ^ 53 and max_events % 1 == 0) then
    max_events = nil
  end
  return {
    paused = fields[1] ~= false,
    concurrency = tonumber(fields[2] or nil),
    legacy = string.sub(fields[3] or '', 1, 9) == 'bullmq:5.',
    max_events = max_events,
    limit_max = tonumber(fields[5] or nil),
    limit_duration = tonumber(fields[6] or nil),
  }
end
