-- ask_to_stop: leave a request that the worker of an active job reads when it renews the job's lock.
-- KEYS    base
-- ARGV    job_id str · reason str · kept_ms int
-- DERIVED the job's hash and lock, and the hash `board:stops`
-- RETURNS 0 asked · -1 no such job · -3 no worker holds it · -10 its worker does not look for such requests
-- EVENTS  none
-- COST    O(1)
local base = KEYS[1]
local job_id, reason, kept_ms = unpack(ARGV)
if redis.call('EXISTS', base .. job_id) == 0 then
  return -1
end
local token = redis.call('GET', base .. job_id .. ':lock')
if not token then
  return -3
end
if string.sub(token, -6) ~= ':stops' then
  return -10
end
local started = redis.call('HGET', base .. job_id, 'processedOn') or ''
local stops = base .. 'board:stops'
-- Requests that nobody can read any more go; some at a time, so that the hash never grows for long.
for _, asked in ipairs(redis.call('HRANDFIELD', stops, 20)) do
  if redis.call('EXISTS', base .. asked .. ':lock') == 0 then
    redis.call('HDEL', stops, asked)
  end
end
redis.call('HSET', stops, job_id, cmsgpack.pack({ token, started, reason }))
redis.call('PEXPIRE', stops, tonumber(kept_ms))
return 0
