-- read_jobs: a page of jobs of one container with their hashes, in one atomic read.
-- Lists are read from the tail: oldest first is ascending. Ids without a hash come with an empty one.
-- KEYS    base
-- ARGV    container str · start int · stop int · ascending flag
-- DERIVED the container and the jobs' hashes
-- RETURNS {{id, hash}, …}
-- EVENTS  none
-- COST    O(log n + page), O(start) for lists
local base = KEYS[1]
local container, start, stop, ascending = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == '1'
local key = base .. container
local ids
if container == 'wait' or container == 'paused' or container == 'active' then
  if ascending then
    local last = redis.call('LLEN', key) - 1
    start = start < 0 and math.max(0, last + 1 + start) or start
    stop = stop < 0 and last + 1 + stop or math.min(stop, last)
    local found = stop >= start and redis.call('LRANGE', key, last - stop, last - start) or {}
    ids = {}
    for i = #found, 1, -1 do
      ids[#ids + 1] = found[i]
    end
  else
    ids = redis.call('LRANGE', key, start, stop)
  end
else
  ids = redis.call(ascending and 'ZRANGE' or 'ZREVRANGE', key, start, stop)
end
local rows = {}
for i, job_id in ipairs(ids) do
  rows[i] = { job_id, redis.call('HGETALL', base .. job_id) }
end
return rows
