-- mark_next_due: tell blocked workers when the earliest delayed job is due.
local function mark_next_due(base)
  local first = redis.call('ZRANGE', base .. 'delayed', 0, 0, 'WITHSCORES')
  if first[2] then
    redis.call('ZADD', base .. 'marker', tonumber(first[2]) / 4096, '1')
  end
end
