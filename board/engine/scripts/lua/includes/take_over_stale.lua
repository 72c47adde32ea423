-- take_over_stale: an owner that never expires but has no job any more is a leftover; the new job becomes the owner.
-- @include own_deduplication
local function take_over_stale(base, meta, job_id, dedup, owner_id)
  local owner = base .. 'de:' .. dedup.id
  if meta.legacy or redis.call('PTTL', owner) ~= -1 or redis.call('EXISTS', base .. owner_id) == 1 then
    return false
  end
  redis.call('DEL', base .. 'dn:' .. dedup.id)
  own_deduplication(owner, job_id, dedup)
  return true
end
