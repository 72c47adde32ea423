-- read_active: the jobs that workers hold, of some queues of one cluster slot, with who took them and how their locks stand.
-- KEYS    bases
-- ARGV    limit int · each int
-- DERIVED the active list of each queue, the hashes and locks of its jobs
-- RETURNS {rows, counts, problems}: at most `limit` jobs, `each` of a queue, oldest first; how many each queue has
-- EVENTS  none
-- COST    O(queues + limit); writes nothing
local bases = KEYS
local limit, each = unpack(ARGV)
limit, each = tonumber(limit), tonumber(each)
-- @include try_read
local rows, counts, problems = {}, {}, {}
for i, base in ipairs(bases) do
  local count, problem = try_read('LLEN', base .. 'active')
  counts[i] = count or 0
  if problem then
    problems[#problems + 1] = base .. 'active: ' .. problem
  end
  local most = math.min(counts[i], each, limit - #rows)
  if most > 0 then
    for _, job_id in ipairs(redis.call('LRANGE', base .. 'active', -most, -1)) do
      local fields = try_read('HMGET', base .. job_id, 'name', 'processedOn', 'pb', 'ats') or {}
      rows[#rows + 1] = {
        i, job_id, fields[1] and string.sub(fields[1], 1, 300) or false, fields[2] or false,
        fields[3] and string.sub(fields[3], 1, 300) or false, fields[4] or false, redis.call('PTTL', base .. job_id .. ':lock'),
      }
    end
  end
end
return { rows, counts, problems }
