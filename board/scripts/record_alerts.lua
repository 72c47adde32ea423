-- record_alerts: store what became of the incidents, and what is to be told of it, in one step.
-- KEYS    prefix
-- ARGV    seen int · next int · payload msgpack
-- RETURNS 1, or 0 when somebody has stored another step since; then nothing changed
-- EVENTS  none
-- COST    O(changes in the payload)
-- DERIVED state, incidents, history, outbox, silences
local prefix = KEYS[1]
local seen, next, payload = ARGV[1], ARGV[2], cmsgpack.unpack(ARGV[3])

local state = prefix .. "state"
if (redis.call("HGET", state, "revision") or "0") ~= seen then
  return 0
end

-- Call a command with many arguments, some at a time: unpack cannot hold any number.
local function some_at_a_time(command, key, arguments)
  for at = 1, #arguments, 200 do
    redis.call(command, key, unpack(arguments, at, math.min(at + 199, #arguments)))
  end
end

some_at_a_time("HDEL", prefix .. "incidents", payload.gone)
some_at_a_time("HSET", prefix .. "incidents", payload.incidents)
some_at_a_time("HSET", prefix .. "outbox", payload.outbox)
some_at_a_time("HDEL", prefix .. "silences", payload.ended)
some_at_a_time("LPUSH", prefix .. "history", payload.history)
redis.call("LTRIM", prefix .. "history", 0, payload.most_history - 1)
redis.call("HSET", state, "revision", next, "at", payload.at)
return 1
