-- clear_deferred: a parent fails for no child any more that is not among its failed ones: what it would have failed with is
-- forgotten, or names another that still is among them. Returns the key of that other, or nil.
local function clear_deferred(key)
  local other = redis.call('ZRANGE', key .. ':unsuccessful', 0, 0)[1]
  if string.match(redis.call('HGET', key, 'defa') or '', '^child .+ failed$') then
    if other then
      redis.call('HSET', key, 'defa', 'child ' .. other .. ' failed')
    else
      redis.call('HDEL', key, 'defa')
    end
  end
  return other
end
