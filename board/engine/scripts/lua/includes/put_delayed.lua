-- put_delayed: put a job in `delayed`, behind those due in the same millisecond (4,096 of them keep their order).
-- Returns the moment it is due.
local function put_delayed(base, job_id, now, delay)
  local key = base .. 'delayed'
  local due = delay > 0 and now + delay or now
  local low = due * 4096
  local high = low + 4095
  local last = redis.call('ZREVRANGEBYSCORE', key, high, low, 'WITHSCORES', 'LIMIT', 0, 1)
  local score = low
  if last[2] then
    score = math.min(tonumber(last[2]) + 1, high)
  end
  redis.call('ZADD', key, score, job_id)
  return due
end
