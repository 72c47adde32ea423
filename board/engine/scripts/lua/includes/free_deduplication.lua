-- free_deduplication: a removed job gives up its deduplication id, whatever is left of the window.
local function free_deduplication(base, meta, job_id, dedup_id)
  if not dedup_id then
    return
  end
  local owner = base .. 'de:' .. dedup_id
  if redis.call('GET', owner) == job_id then
    redis.call('DEL', owner)
    if not meta.legacy then
      redis.call('DEL', base .. 'dn:' .. dedup_id)
    end
  end
end
