-- waiting_list: the list that a waiting job belongs in.
local function waiting_list(base, meta)
  if meta.legacy and meta.paused then
    return base .. 'paused'
  end
  return base .. 'wait'
end
