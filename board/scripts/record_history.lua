-- record_history: store what was read from the queues' streams, and how far they were read, in one step.
-- KEYS    prefix
-- ARGV    fence int · payload msgpack
-- RETURNS 1, or 0 when a successor has claimed the history; then nothing changed
-- EVENTS  none
-- COST    O(figures + failures in the payload)
-- DERIVED state, now, marks, b:* and what failures are kept in: jobs, status:*, g:*, members:*, queues:*, names:*, bars:*
local prefix = KEYS[1]
local fence, payload = tonumber(ARGV[1]), cmsgpack.unpack(ARGV[2])

local state = prefix .. "state"
if tonumber(redis.call("HGET", state, "fence") or 0) ~= fence then
  return 0
end
local now_ms = payload.now_ms

local HALF_HOUR, DAY = 1800000, 86400000
local jobs = prefix .. "jobs"

-- Set the fields of a hash, some at a time: unpack cannot hold any number.
local function set_fields(key, fields)
  for at = 1, #fields, 200 do
    redis.call("HSET", key, unpack(fields, at, math.min(at + 199, #fields)))
  end
end

local function key_of(kind, group)
  return prefix .. kind .. ":" .. group
end

-- Take a job out of its group; the group keeps what it counted.
local function leave(group, base, member)
  if redis.call("ZREM", key_of("members", group), member) == 1 then
    if redis.call("HINCRBY", key_of("queues", group), base, -1) <= 0 then
      redis.call("HDEL", key_of("queues", group), base)
    end
  end
end

-- Take bars away that no page shows any more, once there are a day's too many.
local function cut_bars(key)
  if redis.call("HLEN", key) <= payload.most_bars + 48 then
    return
  end
  local oldest = math.floor(now_ms / HALF_HOUR) - payload.most_bars
  local old = {}
  for _, slot in ipairs(redis.call("HKEYS", key)) do
    if tonumber(slot) < oldest then
      old[#old + 1] = slot
    end
  end
  for at = 1, #old, 200 do
    redis.call("HDEL", key, unpack(old, at, math.min(at + 199, #old)))
  end
end

-- A job failed for good.
local function failed(op)
  local base, id, group, at = op.base, op.id, op.group, op.at
  local member = base .. "\0" .. id
  local before = redis.call("HGET", jobs, member)
  if before == group then
    local score = redis.call("ZSCORE", key_of("members", group), member)
    if score and tonumber(score) >= at then
      return
    end
  elseif before then
    leave((string.gsub(before, "%?$", "")), base, member)
  end
  local about = key_of("g", group)
  local known = redis.call("HMGET", about, "last", "first", "status", "changed_at")
  local last, first = tonumber(known[1] or 0), tonumber(known[2] or at)
  local status = known[3] or "open"
  if not known[1] then
    redis.call("HSET", about, "error", op.error, "message", op.message, "function", op.func, "file", op.file, "status", status)
    redis.call("HSETNX", state, "groups_since", now_ms)
  end
  redis.call("HSET", about, "first", math.min(first, at), "last", math.max(last, at))
  redis.call("HINCRBY", about, "total", 1)
  if at >= last then
    redis.call("HSET", about, "sample", member, "sample_message", op.told, "file", op.file)
    if known[1] and at - last > DAY then
      redis.call("HSET", about, "back", at, "quiet", at - last)
    end
  end
  if status == "resolved" and at > tonumber(known[4] or 0) then
    redis.call("ZREM", prefix .. "status:resolved", group)
    redis.call("HSET", about, "status", "open", "reopened", at)
    status = "open"
  end
  redis.call("ZADD", prefix .. "status:" .. status, math.max(last, at), group)
  local bars = key_of("bars", group)
  if redis.call("HINCRBY", bars, math.floor(at / HALF_HOUR), 1) == 1 then
    cut_bars(bars)
  end
  local names = key_of("names", group)
  if redis.call("HLEN", names) < 20 or redis.call("HEXISTS", names, op.name) == 1 then
    redis.call("HINCRBY", names, op.name, 1)
  end
  local members = key_of("members", group)
  if redis.call("ZADD", members, at, member) == 1 then
    redis.call("HINCRBY", key_of("queues", group), base, 1)
  end
  redis.call("HSET", jobs, member, group)
  if redis.call("ZCARD", members) > payload.most_members then
    local oldest = redis.call("ZRANGE", members, 0, 0)[1]
    leave(group, string.match(oldest, "^(.-:)%z"), oldest)
    redis.call("HDEL", jobs, oldest)
  end
end

-- A job left the failed jobs: "retry" until it ends again, "gone" for ever. Or it ended well: "ok".
local function left(op)
  local member = op.base .. "\0" .. op.id
  local group = redis.call("HGET", jobs, member)
  if not group then
    return
  end
  local is_tried = string.sub(group, -1) == "?"
  local name = is_tried and string.sub(group, 1, -2) or group
  if redis.call("EXISTS", key_of("g", name)) == 0 then -- the group was forgotten meanwhile
    redis.call("HDEL", jobs, member)
    return
  end
  if op.op == "gone" then
    leave(name, op.base, member)
    redis.call("HDEL", jobs, member)
    return
  end
  if not is_tried then
    leave(name, op.base, member)
    redis.call("HINCRBY", key_of("g", name), "retried", 1)
    redis.call("HSET", jobs, member, name .. "?")
  end
  if op.op == "ok" then
    redis.call("HINCRBY", key_of("g", name), "succeeded", 1)
    redis.call("HDEL", jobs, member)
  end
end

-- Forget groups: those without a failure for long, and the ones that failed longest ago where there are too many,
-- resolved ones first. Of a large group some jobs a step, so that Redis serves others in between.
local function forget_groups()
  local sum = 0
  for _, status in ipairs({ "resolved", "open", "muted" }) do
    sum = sum + redis.call("ZCARD", prefix .. "status:" .. status)
  end
  local left = payload.most_forgotten
  for _, status in ipairs({ "resolved", "open", "muted" }) do
    local set = prefix .. "status:" .. status
    while left > 0 do
      local oldest = redis.call("ZRANGE", set, 0, 0, "WITHSCORES")
      if not oldest[1] or (sum <= payload.most_groups and tonumber(oldest[2]) >= now_ms - payload.keep_ms) then
        break
      end
      local group = oldest[1]
      local members = redis.call("ZRANGE", key_of("members", group), 0, math.min(left, 500) - 1)
      if #members > 0 then
        redis.call("HDEL", jobs, unpack(members))
        redis.call("ZREM", key_of("members", group), unpack(members))
      end
      left = left - math.max(#members, 10)
      if redis.call("EXISTS", key_of("members", group)) == 0 then
        for _, kind in ipairs({ "g", "queues", "names", "bars" }) do
          redis.call("DEL", key_of(kind, group))
        end
        redis.call("ZREM", set, group)
        sum = sum - 1
      end
    end
  end
end

for _, op in ipairs(payload.ops) do
  if op.op == "failed" then
    failed(op)
  else
    left(op)
  end
end
for _, stretch in ipairs(payload.figures) do
  local key = prefix .. "b:" .. stretch.key
  set_fields(key, stretch.fields)
  redis.call("PEXPIRE", key, stretch.left_ms)
end
for _, mark in ipairs(payload.marks) do
  redis.call("ZADD", prefix .. "marks", mark.at, mark.text)
end
if #payload.marks > 0 then
  redis.call("ZREMRANGEBYRANK", prefix .. "marks", 0, -payload.most_marks - 1)
end
for _, group in ipairs(redis.call("ZRANGE", prefix .. "status:muted", 0, 49)) do
  local about = key_of("g", group)
  local until_ms = tonumber(redis.call("HGET", about, "muted_until") or 0)
  if until_ms <= now_ms then
    redis.call("ZREM", prefix .. "status:muted", group)
    redis.call("HSET", about, "status", "open")
    redis.call("ZADD", prefix .. "status:open", redis.call("HGET", about, "last") or 0, group)
  end
end
forget_groups()
set_fields(state, payload.state)
set_fields(prefix .. "now", payload.now)
return 1
