-- read_taken: what is stored of a job that is about to be taken, and whether it is new. A new one, which nobody took before and
-- which has the six fields of every job and no other, comes as their values alone: half as many to send and to read. Any
-- other comes as from HGETALL, and is empty where there is none.
local function read_taken(key)
  if redis.call('HLEN', key) == 6 then
    local values = redis.call('HMGET', key, 'name', 'data', 'opts', 'timestamp', 'delay', 'priority')
    if values[1] and values[2] and values[3] and values[4] and values[5] and values[6] then
      return values, true
    end
  end
  return redis.call('HGETALL', key), false
end
