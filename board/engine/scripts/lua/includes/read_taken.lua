-- read_taken: what is stored of a job that is to be taken, and whether it is new: one that nobody took before and that has no
-- more than all have comes as the values of its fields alone, which tells Redis and the worker half as much. Any other
-- comes as from HGETALL, and is empty where there is none.
local function read_taken(key)
  if redis.call('HLEN', key) == 6 then
    local values = redis.call('HMGET', key, 'name', 'data', 'opts', 'timestamp', 'delay', 'priority')
    if values[1] and values[2] and values[3] and values[4] and values[5] and values[6] then
      return values, true
    end
  end
  return redis.call('HGETALL', key), false
end
