-- read_child_keys: the full keys of a job's children, up to a limit of each kind.
-- KEYS    job
-- ARGV    limit int
-- DERIVED the job's :unsuccessful, :failed, :dependencies and :processed
-- RETURNS {failed, ignored, pending, processed}
-- EVENTS  none
-- COST    O(limit)
local job = KEYS[1]
local limit = tonumber(ARGV[1])
local function first_of(items, step)
  local keys = {}
  for i = 1, math.min(#items, limit * step), step do
    keys[#keys + 1] = items[i]
  end
  return keys
end
return {
  redis.call('ZRANGE', job .. ':unsuccessful', 0, limit - 1),
  first_of(redis.call('HSCAN', job .. ':failed', 0, 'COUNT', limit)[2], 2),
  first_of(redis.call('SSCAN', job .. ':dependencies', 0, 'COUNT', limit)[2], 1),
  first_of(redis.call('HSCAN', job .. ':processed', 0, 'COUNT', limit)[2], 2),
}
