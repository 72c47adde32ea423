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
  redis.call("HINCRBY", key_of("bars", group), math.floor(at / HALF_HOUR), 1)
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
set_fields(state, payload.state)
set_fields(prefix .. "now", payload.now)
return 1
