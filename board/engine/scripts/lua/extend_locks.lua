-- extend_locks: renew the locks that are still ours, and tell which of their jobs somebody wants to stop.
-- KEYS    base
-- ARGV    lock_ms int · pairs_list msgpack
-- DERIVED the locks of the jobs, the set `stalled`, and the hash `board:stops`
-- RETURNS {ids whose lock is gone or belongs to another token, {id, reason} of each that is to stop}
-- EVENTS  none
-- COST    O(1) a lock
local base = KEYS[1]
local lock_ms, pairs_list = tonumber(ARGV[1]), cmsgpack.unpack(ARGV[2])
-- @include stop_request
local is_asked = redis.call('EXISTS', base .. 'board:stops') == 1
local lost, stops = {}, {}
for _, pair in ipairs(pairs_list) do
  local job_id, token = pair[1], pair[2]
  local key = base .. job_id .. ':lock'
  if redis.call('GET', key) == token then
    redis.call('SET', key, token, 'PX', lock_ms)
    redis.call('SREM', base .. 'stalled', job_id)
    local reason = is_asked and stop_request(base, job_id, token)
    if reason then
      stops[#stops + 1] = { job_id, reason }
    end
  else
    lost[#lost + 1] = job_id
  end
end
return { lost, stops }
