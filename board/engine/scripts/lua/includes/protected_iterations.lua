-- protected_iterations: the ids of the pending iterations of all job schedulers, as a set.
local function protected_iterations(base)
  local ids = {}
  local pairs_list = redis.call('ZRANGE', base .. 'repeat', 0, -1, 'WITHSCORES')
  for i = 1, #pairs_list, 2 do
    ids['repeat:' .. pairs_list[i] .. ':' .. pairs_list[i + 1]] = true
  end
  return ids
end
