-- read_logs: lines of a job's log and how many there are.
-- KEYS    logs
-- ARGV    start int · stop int · ascending flag
-- RETURNS {lines, total}
-- EVENTS  none
-- COST    O(start + lines)
local logs = KEYS[1]
local start, stop, ascending = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] == '1'
local total = redis.call('LLEN', logs)
if ascending then
  return { redis.call('LRANGE', logs, start, stop), total }
end
local found = redis.call('LRANGE', logs, -1 - stop, -1 - start) -- not -(stop + 1): Lua writes it -0 for the last
local lines = {}
for i = #found, 1, -1 do
  lines[#lines + 1] = found[i]
end
return { lines, total }
