-- read_maxed: the global concurrency of a queue and how many jobs are active.
-- KEYS    meta · active
-- ARGV    none
-- RETURNS {concurrency or nil, active}
-- EVENTS  none
-- COST    O(1)
local meta, active = KEYS[1], KEYS[2]
return { redis.call('HGET', meta, 'concurrency'), redis.call('LLEN', active) }
