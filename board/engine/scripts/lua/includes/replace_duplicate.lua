-- replace_duplicate: deduplication in which the newest job replaces an owner that is still delayed.
-- Returns the owner's id when the new job is dropped, nil when it may be added.
-- @include own_deduplication
-- @include announce_duplicate
-- @include keep_last_duplicate
-- @include take_over_stale
-- @include delete_job_keys
-- @include emit
local function replace_duplicate(base, meta, job_id, job)
  local dedup = job.dedup
  local owner = base .. 'de:' .. dedup.id
  local current = redis.call('GET', owner)
  if not current then
    own_deduplication(owner, job_id, dedup)
    return nil
  end
  if redis.call('ZREM', base .. 'delayed', current) == 1 then
    delete_job_keys(base, current)
    emit(base, 'removed', 'jobId', current, 'prev', 'delayed')
    announce_duplicate(base, meta, job_id, current, dedup.id, job_id)
    if not meta.legacy then
      redis.call('DEL', base .. 'dn:' .. dedup.id)
    end
    if not dedup.keep_last and dedup.ttl and dedup.ttl > 0 and not dedup.extend then
      redis.call('SET', owner, job_id, 'KEEPTTL')
    else
      own_deduplication(owner, job_id, dedup)
    end
    return nil
  end
  if take_over_stale(base, meta, job_id, dedup, current) then
    return nil
  end
  keep_last_duplicate(base, meta, job_id, job, current)
  return current
end
