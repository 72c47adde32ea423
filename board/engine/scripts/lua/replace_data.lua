-- replace_data: replace a job's payload, if it is still the one that was looked at and no worker holds the job.
-- KEYS    base
-- ARGV    job_id str · digest str · data json
-- DERIVED the job's hash and lock
-- RETURNS 0 done · 1 the payload changed meanwhile · 2 a worker holds the job · -1 no such job
-- EVENTS  none
-- COST    O(1), and the digest of the payload
local base = KEYS[1]
local job_id, digest, data = ARGV[1], ARGV[2], ARGV[3]
local key = base .. job_id
if redis.call('EXISTS', key) == 0 then
  return -1
end
if redis.call('EXISTS', key .. ':lock') == 1 then
  return 2
end
if redis.sha1hex(redis.call('HGET', key, 'data') or '') ~= digest then
  return 1
end
redis.call('HSET', key, 'data', data)
return 0
