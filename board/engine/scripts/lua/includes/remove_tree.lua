-- remove_tree: remove a job from everywhere, and with `options.children` all that hangs below it.
-- `options.pending_only` spares children that ended; `options.unlocked_only` spares those a worker holds. A job that is
-- met again, in a tree that bites its own tail, is left to the first meeting.
-- @include read_meta
-- @include child_place
-- @include detach_from_parent
-- @include take_out
-- @include free_deduplication
-- @include delete_job_keys
-- @include emit_trimmed
local function remove_tree(base, job_id, options)
  local key = base .. job_id
  options.met = options.met or {}
  if options.met[key] then
    return
  end
  options.met[key] = true
  if options.unlocked_only and redis.call('EXISTS', key .. ':lock') == 1 then
    return
  end
  if options.pending_only and redis.call('ZSCORE', base .. 'failed', job_id) then
    return
  end
  local fields = redis.call('HMGET', key, 'parentKey', 'parent', 'deid')
  if fields[1] then
    detach_from_parent(base, key, fields[1], fields[2], false)
  end
  if options.children then
    local keys = {}
    if not options.pending_only then
      for _, child in ipairs(redis.call('HKEYS', key .. ':processed')) do
        keys[#keys + 1] = child
      end
      for _, child in ipairs(redis.call('HKEYS', key .. ':failed')) do
        keys[#keys + 1] = child
      end
      for _, child in ipairs(redis.call('ZRANGE', key .. ':unsuccessful', 0, -1)) do
        keys[#keys + 1] = child
      end
    end
    for _, child in ipairs(redis.call('SMEMBERS', key .. ':dependencies')) do
      keys[#keys + 1] = child
    end
    for _, child in ipairs(keys) do
      local child_base, child_id = child_place(base, child)
      remove_tree(child_base, child_id, options)
    end
  end
  local meta = read_meta(base)
  local from = take_out(base, job_id)
  free_deduplication(base, meta, job_id, fields[3])
  if delete_job_keys(base, job_id) > 0 then
    emit_trimmed(base, meta, 'removed', 'jobId', job_id, 'prev', from)
  end
end
