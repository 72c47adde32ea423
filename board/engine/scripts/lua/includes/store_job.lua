-- store_job: write a new job's hash and announce it. What has no delay or no priority has 0.
-- @include emit
local function store_job(base, job_id, job)
  local key, delay, priority = base .. job_id, job.delay or '0', job.priority or '0'
  if job.parent_key or job.scheduler or job.dedup then
    local fields = { 'delay', delay, 'priority', priority }
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
    redis.call('HSET', key, 'name', job.name, 'data', job.data, 'opts', job.opts, 'timestamp', job.timestamp,
      unpack(fields))
  else
    redis.call('HSET', key, 'name', job.name, 'data', job.data, 'opts', job.opts, 'timestamp', job.timestamp,
      'delay', delay, 'priority', priority)
  end
  emit(base, 'added', 'jobId', job_id, 'name', job.name)
end
