-- read_groups: groups of failures of one status, a page of them, with what a line shows.
-- KEYS    prefix
-- ARGV    wish msgpack: status, now_ms, since_ms, sort, skip, size, text, bases (or false for all), most,
--   only (one group, or empty), bars
-- RETURNS {state, counts of the statuses, matching, groups}; a group is {name, fields, members, queues, names, bars,
--   in how many queues it has failed jobs}
-- EVENTS  none
-- COST    O(size) for the newest; O(groups, 2,000 at most) to search, sort otherwise, or for some queues only
-- DERIVED state, status:*, g:*, members:*, queues:*, names:*, bars:*
local prefix = KEYS[1]
local wish = cmsgpack.unpack(ARGV[1])

local HALF_HOUR = 1800000
local FIELDS = {
  "error", "message", "function", "file", "first", "last", "total", "status", "back", "quiet", "reopened", "retried",
  "succeeded", "muted_until", "changed_at", "changed_by", "sample", "sample_message",
}

local function key_of(kind, group)
  return prefix .. kind .. ":" .. group
end

-- Failed jobs of the queues asked for.
local function count(group)
  if not wish.bases then
    return redis.call("ZCARD", key_of("members", group))
  end
  local sum = 0
  for at = 1, #wish.bases, 500 do
    local some = redis.call("HMGET", key_of("queues", group), unpack(wish.bases, at, math.min(at + 499, #wish.bases)))
    for _, jobs in ipairs(some) do
      sum = sum + (tonumber(jobs or 0) or 0)
    end
  end
  return sum
end

local function fits(group)
  if wish.text == "" then
    return true
  end
  local about = redis.call("HMGET", key_of("g", group), "error", "message", "function", "file")
  local whole = table.concat({ about[1] or "", about[2] or "", about[3] or "", about[4] or "" }, " ")
  whole = whole .. " " .. table.concat(redis.call("HKEYS", key_of("names", group)), " ")
  return string.find(string.lower(whole), wish.text, 1, true) ~= nil
end

local function queues_of(group)
  local key = key_of("queues", group)
  if wish.bases then
    local found = {}
    for at = 1, #wish.bases, 500 do
      local some = redis.call("HMGET", key, unpack(wish.bases, at, math.min(at + 499, #wish.bases)))
      for i, jobs in pairs(some) do
        if jobs then
          found[#found + 1] = wish.bases[at + i - 1]
          found[#found + 1] = jobs
        end
      end
    end
    return found
  end
  if redis.call("HLEN", key) <= 200 then
    return redis.call("HGETALL", key)
  end
  return redis.call("HSCAN", key, 0, "COUNT", 100)[2]
end

local function line(group, members)
  local newest = math.floor(wish.now_ms / HALF_HOUR)
  local slots = {}
  for back = wish.bars - 1, 0, -1 do
    slots[#slots + 1] = newest - back
  end
  local bars = redis.call("HMGET", key_of("bars", group), unpack(slots))
  for at = 1, #slots do
    bars[at] = tonumber(bars[at] or 0) or 0
  end
  local fields = redis.call("HMGET", key_of("g", group), unpack(FIELDS))
  for at = 1, #FIELDS do
    fields[at] = fields[at] or ""
  end
  local names, known = redis.call("HGETALL", key_of("names", group)), redis.call("HLEN", key_of("queues", group))
  return { group, fields, members or count(group), queues_of(group), names, bars, known }
end

local state = redis.call("HMGET", prefix .. "state", "since", "until", "gaps")
local counts = {}
for at, status in ipairs({ "open", "muted", "resolved" }) do
  counts[at] = redis.call("ZCARD", prefix .. "status:" .. status)
end
local groups = {}
if wish.only ~= "" then
  if redis.call("EXISTS", key_of("g", wish.only)) == 1 then
    groups[1] = line(wish.only)
  end
  return { state, counts, #groups, groups }
end

local set = prefix .. "status:" .. wish.status
if wish.sort == "last" and wish.text == "" and not wish.bases then
  local found = redis.call("ZREVRANGEBYSCORE", set, "+inf", wish.since_ms, "LIMIT", wish.skip, wish.size)
  for at, group in ipairs(found) do
    groups[at] = line(group)
  end
  return { state, counts, redis.call("ZCOUNT", set, wish.since_ms, "+inf"), groups }
end

local matching = {}
for _, group in ipairs(redis.call("ZREVRANGEBYSCORE", set, "+inf", wish.since_ms, "LIMIT", 0, wish.most)) do
  local members = count(group)
  if (members > 0 or not wish.bases) and fits(group) then
    local order = #matching
    if wish.sort == "jobs" then
      order = -members
    elseif wish.sort == "first" then
      order = -tonumber(redis.call("HGET", key_of("g", group), "first") or 0)
    elseif wish.sort == "hour" then
      local newest = math.floor(wish.now_ms / HALF_HOUR)
      local hour = redis.call("HMGET", key_of("bars", group), newest, newest - 1)
      order = -(tonumber(hour[1] or 0) + tonumber(hour[2] or 0))
    end
    matching[#matching + 1] = { group, members, order, #matching }
  end
end
table.sort(matching, function(one, other)
  if one[3] ~= other[3] then
    return one[3] < other[3]
  end
  return one[4] < other[4]
end)
for at = wish.skip + 1, math.min(wish.skip + wish.size, #matching) do
  groups[#groups + 1] = line(matching[at][1], matching[at][2])
end
return { state, counts, #matching, groups }
