-- settle_bulk: note what became of the jobs that a bulk run acted on, and where it goes on.
-- KEYS    run · results · open
-- ARGV    fence int · run_id str · place str · now int · looked int · done int · left int · unsure int · most int · summary
--   str · lines msgpack
-- RETURNS status of the run; -1 when a successor runs it, and nothing changed
-- EVENTS  none
-- COST    O(lines)
local run, results, open = KEYS[1], KEYS[2], KEYS[3]
local fence, run_id, place, now = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local looked, done, left, unsure = ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local most, summary, lines = tonumber(ARGV[9]), ARGV[10], cmsgpack.unpack(ARGV[11])
local known = redis.call("HMGET", run, "fence", "status")
if tonumber(known[1] or 0) > fence or not known[2] then
  return "-1"
end
redis.call("HDEL", run, "claim")
redis.call("HSET", run, "fence", fence, "place", place, "updated", now)
redis.call("HINCRBY", run, "looked", looked)
redis.call("HINCRBY", run, "done", done)
redis.call("HINCRBY", run, "left", left)
redis.call("HINCRBY", run, "unsure", unsure)
for _, line in ipairs(lines) do
  if redis.call("RPUSH", results, line) > most then
    redis.call("LPOP", results)
  end
end
if summary ~= "" then
  redis.call("HSET", open, run_id, summary)
end
return known[2]
