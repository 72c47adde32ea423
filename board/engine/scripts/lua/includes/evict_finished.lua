-- evict_finished: keep what the retention of the job that just finished asks for.
-- By age at most `limit` jobs go, youngest of the old first; by count the oldest go, at most 100 in one run of a
-- script, whatever jobs it ends, so that a lowered count cannot stall the server (the next finishes take the rest).
-- @include forget_job
local function evict_finished(base, meta, set, now, keep)
  local key = base .. set
  if keep.age then
    local limit = math.min(keep.limit or 1000, meta.evictions or 100)
    local cutoff = now - keep.age * 1000
    local ids = redis.call('ZREVRANGEBYSCORE', key, cutoff, '-inf', 'LIMIT', 0, limit)
    meta.evictions = math.max((meta.evictions or 100) - #ids, 0)
    for _, job_id in ipairs(ids) do
      forget_job(base, meta, job_id, false, false)
    end
    if #ids > 0 and #ids < limit then
      redis.call('ZREMRANGEBYSCORE', key, '-inf', cutoff)
    elseif #ids > 0 then
      for first = 1, #ids, 5000 do
        redis.call('ZREM', key, unpack(ids, first, math.min(first + 4999, #ids)))
      end
    end
  end
  if keep.count and keep.count > 0 then
    local excess = math.min(redis.call('ZCARD', key) - keep.count, meta.evictions or 100)
    if excess > 0 then
      meta.evictions = (meta.evictions or 100) - excess
      for _, job_id in ipairs(redis.call('ZRANGE', key, 0, excess - 1)) do
        forget_job(base, meta, job_id, false, false)
      end
      redis.call('ZREMRANGEBYRANK', key, 0, excess - 1)
    end
  end
end
