-- add_one: the whole of adding a job: number it, check its id, deduplicate, store, route, tie to its parent.
-- `meta.number`, where it is set, is the last of the numbers that were taken for all jobs at once; `meta.parent_found` is
-- a parent that is there.
-- Returns its id, the id of the job it is a duplicate of, or -5 (no such parent) or -7 (another parent has it).
-- @include event_limit
-- @include attach_existing when called
-- @include deduplicate when called
-- @include store_job
-- @include route_job
-- @include emit_trimmed
local function add_one(base, meta, job)
  if job.parent_key and meta.parent_found ~= job.parent_key and redis.call('EXISTS', job.parent_key) == 0 then
    return -5
  end
  local number
  if meta.number then
    number = meta.number + 1
    meta.number = number
  else
    number = redis.call('INCR', base .. 'id')
  end
  event_limit(base, meta)
  local job_id = job.id or string.format('%d', number)
  if job.id and redis.call('EXISTS', base .. job_id) == 1 then
    return attach_existing(base, meta, job_id, job)
  end
  local owner_id = job.dedup and deduplicate(base, meta, job_id, job)
  if owner_id then
    return owner_id
  end
  store_job(base, job_id, job)
  if job.has_children then
    redis.call('ZADD', base .. 'waiting-children', job.timestamp, job_id)
    emit_trimmed(base, meta, 'waiting-children', 'jobId', job_id)
  else
    route_job(base, meta, job_id, job)
  end
  if job.parent_key then
    redis.call('SADD', job.parent_key .. ':dependencies', base .. job_id)
  end
  return job_id
end
