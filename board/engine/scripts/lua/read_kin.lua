-- read_kin: the latest runs of the jobs that are called like one job, ended well or badly, newest first.
-- KEYS    base
-- ARGV    job_id str · most int · looked_at int
-- DERIVED the hash of the job, the sets of ended jobs, and the hashes of at most `looked_at` of each
-- RETURNS {id, failed 0 or 1, processedOn, finishedOn} for each of at most `most`; none for a job without a name, or with one of
--         more than 1,000 bytes
-- EVENTS  none
-- COST    O(looked_at), 0.3 ms for two hundred; writes nothing
local base = KEYS[1]
local job_id, most, looked_at = unpack(ARGV)
most, looked_at = tonumber(most), tonumber(looked_at)
-- @include try_read
local length = try_read('HSTRLEN', base .. job_id, 'name') or 0
local name = length <= 1000 and try_read('HGET', base .. job_id, 'name')
if not name then
  return {}
end
local completed = try_read('ZREVRANGE', base .. 'completed', 0, looked_at - 1, 'WITHSCORES') or {}
local failed = try_read('ZREVRANGE', base .. 'failed', 0, looked_at - 1, 'WITHSCORES') or {}
local runs, at, bad = {}, 1, 1
while #runs < most and (completed[at] or failed[bad]) do
  local is_failed = not completed[at] or failed[bad] and tonumber(failed[bad + 1]) > tonumber(completed[at + 1])
  local id = is_failed and failed[bad] or completed[at]
  local fields = try_read('HSTRLEN', base .. id, 'name') == length
    and redis.call('HMGET', base .. id, 'name', 'processedOn', 'finishedOn')
  if fields and fields[1] == name then
    runs[#runs + 1] = { id, is_failed and 1 or 0, fields[2], fields[3] }
  end
  if is_failed then
    bad = bad + 2
  else
    at = at + 2
  end
end
return runs
