-- store_job: write a new job's hash and announce it.
-- @include emit
local function store_job(base, job_id, job)
  local fields = {
    'name', job.name, 'data', job.data, 'opts', job.opts, 'timestamp', job.timestamp, 'delay', job.delay, 'priority',
    job.priority,
  }
  local function add(field, value)
    if value then
      fields[#fields + 1] = field
      fields[#fields + 1] = value
    end
  end
  add('parentKey', job.parent_key)
  add('parent', job.parent_key and job.parent)
  add('rjk', job.scheduler)
  add('deid', job.dedup and job.dedup.id)
  redis.call('HSET', base .. job_id, unpack(fields))
  emit(base, 'added', 'jobId', job_id, 'name', job.name)
end
