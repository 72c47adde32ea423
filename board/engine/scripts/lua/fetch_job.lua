-- fetch_job: promote what is due and take the next job, locked for a worker.
-- KEYS    base
-- ARGV    taker msgpack
-- DERIVED the queue's keys under its base
-- RETURNS {hash, id, 0, 0} · {nil, '', limited_ms, 0} · {nil, '', 0, next_due_ms}
-- EVENTS  waiting · active
-- COST    O(log n), plus up to 1,000 promotions
local base = KEYS[1]
local taker = cmsgpack.unpack(ARGV[1])
-- @include read_meta
-- @include fetch_next
return fetch_next(base, read_meta(base), taker) or { false, '', 0, 0 }
