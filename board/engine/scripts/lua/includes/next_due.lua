-- next_due: the moment at which the earliest delayed job is due, 0 when nothing is delayed.
local function next_due(base)
  local first = redis.call('ZRANGE', base .. 'delayed', 0, 0, 'WITHSCORES')
  if not first[2] then
    return 0
  end
  return math.floor(tonumber(first[2]) / 4096)
end
