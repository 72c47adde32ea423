-- attach_existing: a job whose custom id is taken. It may gain a parent, and is otherwise left alone.
-- Returns its id, or -7 when it belongs to another parent that is still there.
-- @include parent_of
-- @include release_parent_if_ready
-- @include emit_trimmed
local function attach_existing(base, meta, job_id, job)
  local key = base .. job_id
  local owned_by = redis.call('HGET', key, 'parentKey')
  local wanted = job.parent_key
  if wanted then
    local owner_lives = owned_by and redis.call('EXISTS', owned_by) == 1
    local free = not owned_by or owned_by == wanted or (not meta.legacy and not owner_lives)
    if free then
      local parent = parent_of(wanted, job.parent)
      if redis.call('ZSCORE', base .. 'completed', job_id) then
        redis.call('HSET', wanted .. ':processed', key, redis.call('HGET', key, 'returnvalue') or 'null')
        if meta.legacy or not job.in_flow then
          release_parent_if_ready(parent, job.timestamp)
        end
      else
        redis.call('SADD', wanted .. ':dependencies', key)
      end
      redis.call('HSET', key, 'parentKey', wanted, 'parent', job.parent)
    elseif owner_lives then
      if job.in_flow and not meta.legacy then
        redis.call('HSET', wanted, 'flowAttachmentFailed', 1)
      end
      return -7
    end
  end
  emit_trimmed(base, meta, 'duplicated', 'jobId', job_id)
  return job_id
end
