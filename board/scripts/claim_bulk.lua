-- claim_bulk: note which jobs a bulk run is about to act on, before it does.
-- KEYS    run
-- ARGV    fence int · claim str
-- RETURNS 1 noted · 0 it is to stop, or has · -1 a successor runs it; in both cases nothing changed
-- EVENTS  none
-- COST    O(size of the claim)
local run = KEYS[1]
local fence, claim = tonumber(ARGV[1]), ARGV[2]
local known = redis.call("HMGET", run, "fence", "status")
if tonumber(known[1] or 0) > fence then
  return -1
end
if known[2] ~= "running" then
  return 0
end
redis.call("HSET", run, "fence", fence, "claim", claim)
return 1
