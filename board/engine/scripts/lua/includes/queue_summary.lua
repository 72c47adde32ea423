-- queue_summary: one queue in a line: counts, conditions, since when the next job waits, and what could not be read.
-- @include try_read
-- @include waiting_since
local function queue_summary(base)
  local problems = {}
  local function ask(command, suffix, ...)
    local reply, problem = try_read(command, base .. suffix, ...)
    if problem then
      problems[#problems + 1] = suffix .. ': ' .. problem
    end
    return reply
  end
  local counts = {
    ask('LLEN', 'wait') or 0,
    ask('LLEN', 'active') or 0,
    ask('ZCARD', 'prioritized') or 0,
    ask('ZCARD', 'delayed') or 0,
    ask('ZCARD', 'waiting-children') or 0,
    ask('ZCARD', 'completed') or 0,
    ask('ZCARD', 'failed') or 0,
    ask('LLEN', 'paused') or 0,
  }
  local meta = ask('HMGET', 'meta', 'paused', 'version', 'concurrency', 'max', 'duration') or {}
  for i = 1, 5 do
    meta[i] = meta[i] and string.sub(meta[i], 1, 64) or false
  end
  local since = false
  if counts[1] > 0 then
    local tail = redis.call('LRANGE', base .. 'wait', -5, -1)
    local next_first = {}
    for i = #tail, 1, -1 do
      next_first[#next_first + 1] = tail[i]
    end
    since = waiting_since(base, next_first)
  elseif counts[3] > 0 then
    since = waiting_since(base, redis.call('ZRANGE', base .. 'prioritized', 0, 4))
  end
  return {
    'counts', counts,
    'meta', meta,
    'limiter', ask('GET', 'limiter') or false,
    'limiter_ms', ask('PTTL', 'limiter') or -2,
    'waiting_since', since,
    'problems', problems,
  }
end
