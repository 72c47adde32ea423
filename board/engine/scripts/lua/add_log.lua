-- add_log: append a line to a job's log and keep the newest lines.
-- KEYS    job · logs
-- ARGV    line str · keep int
-- RETURNS how many lines there are now · -1 no such job
-- EVENTS  none
-- COST    O(1), plus the lines that go
local job, logs = KEYS[1], KEYS[2]
local line, keep = ARGV[1], tonumber(ARGV[2])
if redis.call('EXISTS', job) == 0 then
  return -1
end
local length = redis.call('RPUSH', logs, line)
if keep and keep >= 0 then
  redis.call('LTRIM', logs, -keep, -1)
  return math.min(keep, length)
end
return length
