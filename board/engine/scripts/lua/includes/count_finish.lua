-- count_finish: per-minute counts of finished jobs, newest minute first. The running minute is never in the list.
local function count_finish(base, set, now, points)
  local key = base .. 'metrics:' .. set
  local before = redis.call('HINCRBY', key, 'count', 1) - 1
  local fields = redis.call('HMGET', key, 'prevTS', 'prevCount')
  local rolled = tonumber(fields[1] or nil)
  if not rolled then
    redis.call('HSET', key, 'prevTS', now, 'prevCount', 0)
    return
  end
  local minutes = math.min(math.floor(now / 60000) - math.floor(rolled / 60000), points)
  if minutes <= 0 then
    return
  end
  local list = key .. ':data'
  redis.call('LPUSH', list, before - (tonumber(fields[2] or nil) or 0))
  for _ = 2, minutes do
    redis.call('LPUSH', list, 0)
  end
  redis.call('LTRIM', list, 0, points - 1)
  redis.call('HSET', key, 'prevCount', before, 'prevTS', now)
end
