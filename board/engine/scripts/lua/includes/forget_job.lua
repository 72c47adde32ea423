-- forget_job: delete a job that is in no container any more, with its ties to a parent and, if asked, its deduplication id.
-- @include detach_from_parent
-- @include free_deduplication
-- @include delete_job_keys
local function forget_job(base, meta, job_id, hard, free)
  local key = base .. job_id
  local fields = redis.call('HMGET', key, 'parentKey', 'parent', 'deid')
  if fields[1] then
    detach_from_parent(base, key, fields[1], fields[2], hard)
  end
  if free then
    free_deduplication(base, meta, job_id, fields[3])
  end
  return delete_job_keys(base, job_id)
end
