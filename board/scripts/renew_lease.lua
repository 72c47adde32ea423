-- renew_lease: prolong a lease that the caller still has, or give it back.
-- KEYS    holder key
-- ARGV    holder str · ttl_ms int, 0 gives it back
-- RETURNS 1 when it was the caller's, else 0 and nothing changed
-- EVENTS  none
-- COST    O(1)
local holder_key = KEYS[1]
local holder, ttl_ms = ARGV[1], tonumber(ARGV[2])

if redis.call("GET", holder_key) ~= holder then
  return 0
end
if ttl_ms > 0 then
  redis.call("PEXPIRE", holder_key, ttl_ms)
else
  redis.call("DEL", holder_key)
end
return 1
