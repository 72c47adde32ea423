-- read_rate_limit: for how long a queue's rate limit holds.
-- KEYS    limiter · meta
-- ARGV    maximum int
-- RETURNS ms · 0 not limited · -1 or -2 as PTTL where no maximum is known
-- EVENTS  none
-- COST    O(1)
local limiter, meta = KEYS[1], KEYS[2]
local maximum = tonumber(ARGV[1])
if maximum == 0 then
  maximum = tonumber(redis.call('HGET', meta, 'max') or nil)
end
local left = redis.call('PTTL', limiter)
if maximum and tonumber(redis.call('GET', limiter) or 0) < maximum then
  return 0
end
return left
