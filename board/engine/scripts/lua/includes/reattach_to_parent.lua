-- reattach_to_parent: a child that is tried again is waited for again, if its parent had it among the ended ones.
local function reattach_to_parent(base, job_id, parent_key, set)
  if not parent_key then
    return
  end
  local key = base .. job_id
  local moved
  if set == 'failed' then
    moved = redis.call('ZREM', parent_key .. ':unsuccessful', key) == 1
      or redis.call('HDEL', parent_key .. ':failed', key) == 1
  else
    moved = redis.call('HDEL', parent_key .. ':processed', key) == 1
  end
  if moved then
    redis.call('SADD', parent_key .. ':dependencies', key)
  end
end
