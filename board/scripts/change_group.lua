-- change_group: open, mute or resolve a group of failures.
-- KEYS    prefix
-- ARGV    group str · status str · now_ms int · until_ms int · who str
-- RETURNS the status before, or nothing when there is no such group
-- EVENTS  none
-- COST    O(log groups)
-- DERIVED status:*, g:*
local prefix = KEYS[1]
local group, status, now_ms, until_ms, who = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local about = prefix .. "g:" .. group
local known = redis.call("HMGET", about, "status", "last")
if not known[2] then
  return false
end
local before = known[1] or "open"
redis.call("ZREM", prefix .. "status:" .. before, group)
redis.call("ZADD", prefix .. "status:" .. status, known[2], group)
redis.call("HSET", about, "status", status, "changed_at", now_ms, "changed_by", who, "muted_until", until_ms)
return before
