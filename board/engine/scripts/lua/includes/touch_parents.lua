-- touch_parents: meet the errors that the keys of a job, and of those above it that failed, would raise, before anything is
-- written.
-- @include parent_of
local function touch_parents(job, most)
  local reads = { HLEN = { 'meta' }, LLEN = { 'wait', 'paused', 'active' } }
  reads.ZCARD = { 'waiting-children', 'failed', 'completed', 'delayed', 'prioritized', 'marker' }
  while job and most > 0 do
    local fields = redis.call('HMGET', job.key, 'parentKey', 'parent')
    redis.call('SCARD', job.key .. ':dependencies')
    redis.call('ZCARD', job.key .. ':unsuccessful')
    redis.call('HLEN', job.key .. ':failed')
    redis.call('XREVRANGE', job.base .. 'events', '+', '-', 'COUNT', 1)
    for command, names in pairs(reads) do
      for _, name in ipairs(names) do
        redis.call(command, job.base .. name)
      end
    end
    if redis.call('EXISTS', job.base .. 'pc') == 1 then
      redis.call('INCRBY', job.base .. 'pc', 0)
    end
    local has_failed = redis.call('ZSCORE', job.base .. 'failed', job.id)
    job, most = has_failed and parent_of(fields[1], fields[2]), most - 1
  end
end
