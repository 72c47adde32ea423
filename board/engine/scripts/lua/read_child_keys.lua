-- read_child_keys: the full keys of a job's children, up to a limit of each kind.
-- KEYS    job
-- ARGV    limit int
-- DERIVED the job's :unsuccessful, :failed, :dependencies and :processed
-- RETURNS {failed, ignored, pending, processed}
-- EVENTS  none
-- COST    O(limit), and up to 1,000 names of either hash
local job = KEYS[1]
local limit = tonumber(ARGV[1])
-- @include some_fields
local function first_of(items)
  local keys = {}
  for i = 1, math.min(#items, limit) do
    keys[i] = items[i]
  end
  return keys
end
local function first_fields(hash)
  return first_of(some_fields(hash, redis.call('HLEN', hash), 1000, limit))
end
return {
  redis.call('ZRANGE', job .. ':unsuccessful', 0, limit - 1),
  first_fields(job .. ':failed'),
  first_of(redis.call('SSCAN', job .. ':dependencies', 0, 'COUNT', limit)[2]),
  first_fields(job .. ':processed'),
}
