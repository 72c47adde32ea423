-- delete_job_keys: delete a job's hash and everything below it but the lock. Returns how many keys went.
local function delete_job_keys(base, job_id)
  local key = base .. job_id
  return redis.call('DEL', key, key .. ':logs', key .. ':dependencies', key .. ':processed', key .. ':failed',
    key .. ':unsuccessful')
end
