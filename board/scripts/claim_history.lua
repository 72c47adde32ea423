-- claim_history: become the one who writes the history, unless a successor already has.
-- KEYS    prefix
-- ARGV    fence int
-- RETURNS the state as a flat list of names and values, or nothing when a successor has claimed it
-- EVENTS  none
-- COST    O(queues recorded)
-- DERIVED state
local prefix = KEYS[1]
local fence = tonumber(ARGV[1])

local state = prefix .. "state"
if tonumber(redis.call("HGET", state, "fence") or 0) > fence then
  return false
end
redis.call("HSET", state, "fence", fence)
return redis.call("HGETALL", state)
