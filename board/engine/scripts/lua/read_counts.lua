-- read_counts: how many jobs are in each state.
-- KEYS    base
-- ARGV    none
-- DERIVED the queue's containers
-- RETURNS {waiting, active, prioritized, delayed, waiting-children, completed, failed, paused}
-- EVENTS  none
-- COST    O(1)
local base = KEYS[1]
local function size(command, suffix)
  local reply = redis.pcall(command, base .. suffix)
  return type(reply) == 'number' and reply or 0
end
return {
  size('LLEN', 'wait'), size('LLEN', 'active'), size('ZCARD', 'prioritized'), size('ZCARD', 'delayed'),
  size('ZCARD', 'waiting-children'), size('ZCARD', 'completed'), size('ZCARD', 'failed'), size('LLEN', 'paused'),
}
