-- count_start: count a job's start for the rate limit; the first one opens the window.
local function count_start(base, duration)
  if redis.call('INCR', base .. 'limiter') == 1 then
    redis.call('PEXPIRE', base .. 'limiter', math.floor(math.abs(duration or 0)))
  end
end
