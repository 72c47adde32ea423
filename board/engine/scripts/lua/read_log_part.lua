-- read_log_part: a stretch of a job's log, long lines cut, beside the job's name.
-- KEYS    base
-- ARGV    job_id str · start int · count int · line_bytes int · budget int
-- DERIVED the job's hash and log
-- RETURNS {type of the job's key, its name or nil, lines altogether, place of the first line returned, the lines}; from a
--   `start` below 0 or beyond the end the last ones, the newest of them where the budget does not reach for all
-- EVENTS  none
-- COST    O(start + count), at most `budget` bytes copied; writes nothing
local base = KEYS[1]
local job_id, start, count, line_bytes, budget = unpack(ARGV)
start, count, line_bytes, budget = tonumber(start), tonumber(count), tonumber(line_bytes), tonumber(budget)
-- @include try_read
local key = base .. job_id
local total = try_read('LLEN', key .. ':logs') or 0
local from_end = start < 0 or start >= total
if from_end then
  start = math.max(0, total - count)
end
local stored = try_read('LRANGE', key .. ':logs', start, start + count - 1) or {}
local first, last = 1, #stored
local function take(i)
  stored[i] = string.sub(stored[i], 1, line_bytes)
  budget = budget - #stored[i]
end
if from_end then
  first = last + 1
  while first > 1 and budget > 0 do
    first = first - 1
    take(first)
  end
else
  last = 0
  while last < #stored and budget > 0 do
    last = last + 1
    take(last)
  end
end
local lines = {}
for i = first, last do
  lines[#lines + 1] = stored[i]
end
local name = try_read('HGET', key, 'name')
return { redis.call('TYPE', key).ok, name and string.sub(name, 1, 300), total, start + first - 1, lines }
