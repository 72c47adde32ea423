-- read_alike: the group of a failed job, and how many failed jobs there are of it.
-- KEYS    prefix
-- ARGV    member str · base str · own int (1 to count the jobs of this queue alone)
-- RETURNS {group, jobs, first failure; nothing where that may be of another queue}, or nothing for a job that is in no group
-- EVENTS  none
-- COST    O(1)
-- DERIVED jobs, g:*, members:*, queues:*
local prefix = KEYS[1]
local member, base, own = ARGV[1], ARGV[2], ARGV[3]

local group = redis.call("HGET", prefix .. "jobs", member)
if not group then
  return false
end
group = (string.gsub(group, "%?$", ""))
local here = tonumber(redis.call("HGET", prefix .. "queues:" .. group, base) or 0)
local all = redis.call("ZCARD", prefix .. "members:" .. group)
local first = redis.call("HGET", prefix .. "g:" .. group, "first")
if own == "1" and here < all then
  return { group, here, false }
end
return { group, all, first }
