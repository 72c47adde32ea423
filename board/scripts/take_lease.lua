-- take_lease: take a lease that nobody has, or prolong one's own.
-- KEYS    holder key · fence key
-- ARGV    holder str · ttl_ms int
-- RETURNS {1, fencing number} when it is now the caller's, else {0, ms until it ends, -1 for never}
-- EVENTS  none
-- COST    O(1)
local holder_key, fence_key = KEYS[1], KEYS[2]
local holder, ttl_ms = ARGV[1], tonumber(ARGV[2])

local present = redis.call("GET", holder_key)
if present and present ~= holder then
  return { 0, redis.call("PTTL", holder_key) }
end
redis.call("SET", holder_key, holder, "PX", ttl_ms)
if present then
  return { 1, tonumber(redis.call("GET", fence_key) or redis.call("INCR", fence_key)) }
end
return { 1, redis.call("INCR", fence_key) }
