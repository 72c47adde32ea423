-- own_deduplication: make a job the owner of a deduplication id. A window of its own length, unless the newest duplicate is
-- to be kept, which needs an owner that does not expire.
local function own_deduplication(owner, job_id, dedup)
  if dedup.ttl and dedup.ttl > 0 and not dedup.keep_last then
    redis.call('SET', owner, job_id, 'PX', dedup.ttl)
  else
    redis.call('SET', owner, job_id)
  end
end
