-- read_log_part: a stretch of a job's log, long lines cut, beside the job's name.
-- KEYS    base
-- ARGV    job_id str · start int · count int · line_bytes int · budget int
-- DERIVED the job's hash and log
-- RETURNS {type of the job's key, its name or nil, lines altogether, the lines}
-- EVENTS  none
-- COST    O(start + count), at most `budget` bytes copied; writes nothing
local base = KEYS[1]
local job_id, start, count, line_bytes, budget = unpack(ARGV)
start, count, line_bytes, budget = tonumber(start), tonumber(count), tonumber(line_bytes), tonumber(budget)
-- @include try_read
local key = base .. job_id
local total = try_read('LLEN', key .. ':logs') or 0
if start < 0 then
  start = math.max(0, total - count)
end
local lines = {}
for _, line in ipairs(try_read('LRANGE', key .. ':logs', start, start + count - 1) or {}) do
  if budget <= 0 then
    break
  end
  lines[#lines + 1] = string.sub(line, 1, line_bytes)
  budget = budget - #lines[#lines]
end
local name = try_read('HGET', key, 'name')
return { redis.call('TYPE', key).ok, name and string.sub(name, 1, 300), total, lines }
