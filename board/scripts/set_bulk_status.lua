-- set_bulk_status: let a bulk run stop, go on, or be over.
-- KEYS    run · results · ids · open
-- ARGV    run_id str · wanted str · allowed str · now int · detail str · keep_ms int
-- RETURNS 1 done · 0 it has another status than those of `allowed`, a list with commas
-- EVENTS  none
-- COST    O(1)
local run, results, ids, open = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local run_id, wanted, allowed, now, detail, keep_ms = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local status = redis.call("HGET", run, "status")
if not status or not string.find("," .. allowed .. ",", "," .. status .. ",", 1, true) then
  return 0
end
redis.call("HSET", run, "status", wanted, "updated", now, "detail", detail)
if wanted == "running" then
  redis.call("HDEL", run, "ended")
  redis.call("HSET", open, run_id, "")
  for _, key in ipairs({ run, results, ids }) do
    redis.call("PERSIST", key)
  end
elseif wanted ~= "stopping" then
  redis.call("HSET", run, "ended", now)
  redis.call("HDEL", open, run_id)
  for _, key in ipairs({ run, results, ids }) do
    redis.call("PEXPIRE", key, keep_ms)
  end
end
return 1
