-- refuse_duplicate: deduplication in which the owner stays.
-- Returns the owner's id when the new job is dropped, nil when it may be added.
-- @include own_deduplication
-- @include announce_duplicate
-- @include keep_last_duplicate
-- @include take_over_stale
local function refuse_duplicate(base, meta, job_id, job)
  local dedup = job.dedup
  local owner = base .. 'de:' .. dedup.id
  local current = redis.call('GET', owner)
  if not current then
    own_deduplication(owner, job_id, dedup)
    return nil
  end
  if take_over_stale(base, meta, job_id, dedup, current) then
    return nil
  end
  local stored = keep_last_duplicate(base, meta, job_id, job, current)
  if dedup.ttl and dedup.ttl > 0 and dedup.extend then
    own_deduplication(owner, current, dedup)
  end
  if not stored then
    announce_duplicate(base, meta, current, job_id, dedup.id, current)
  end
  return current
end
