-- detach_from_parent: a job that goes away is no longer waited for; a parent that waited only for it runs next.
-- `hard` announces nothing, and a parent in the same queue is deleted instead, with its own parents upward.
-- @include parent_of
-- @include read_meta
-- @include push_waiting
-- @include emit
-- @include delete_job_keys
local function detach_from_parent(base, child_key, parent_key, parent_json, hard)
  while true do
    local parent = parent_of(parent_key, parent_json)
    if not parent or redis.call('SREM', parent.key .. ':dependencies', child_key) == 0 then
      return
    end
    if redis.call('SCARD', parent.key .. ':dependencies') > 0 then
      return
    end
    if redis.call('ZREM', parent.base .. 'waiting-children', parent.id) == 0 then
      return
    end
    if not hard or parent.base ~= base then
      push_waiting(parent.base, read_meta(parent.base), parent.id, true)
      if not hard then
        emit(parent.base, 'waiting', 'jobId', parent.id, 'prev', 'waiting-children')
      end
      return
    end
    local fields = redis.call('HMGET', parent.key, 'parentKey', 'parent', 'deid')
    if fields[3] then
      redis.call('DEL', base .. 'de:' .. fields[3])
    end
    delete_job_keys(parent.base, parent.id)
    child_key, parent_key, parent_json = parent.key, fields[1], fields[2]
  end
end
