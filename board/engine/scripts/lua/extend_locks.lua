-- extend_locks: renew the locks that are still ours.
-- KEYS    base
-- ARGV    lock_ms int · pairs_list msgpack
-- DERIVED the locks of the jobs and the set `stalled`
-- RETURNS the ids whose lock is gone or belongs to another token
-- EVENTS  none
-- COST    O(1) a lock
local base = KEYS[1]
local lock_ms, pairs_list = tonumber(ARGV[1]), cmsgpack.unpack(ARGV[2])
local lost = {}
for _, pair in ipairs(pairs_list) do
  local job_id, token = pair[1], pair[2]
  local key = base .. job_id .. ':lock'
  if redis.call('GET', key) == token then
    redis.call('SET', key, token, 'PX', lock_ms)
    redis.call('SREM', base .. 'stalled', job_id)
  else
    lost[#lost + 1] = job_id
  end
end
return lost
