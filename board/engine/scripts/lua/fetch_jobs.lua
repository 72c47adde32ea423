-- fetch_jobs: for each of up to 50 takers promote what is due and take the next job, locked for a worker.
-- KEYS    base
-- ARGV    takers msgpack · apart flag
-- DERIVED the queue's keys under its base
-- RETURNS for each taker: {hash, id, 0, 0} · {nil, '', limited_ms, 0} · {nil, '', 0, next_due_ms}; with `apart`, for
--         takers of several callers, also the error that one of them met
-- EVENTS  waiting · active
-- COST    O(log n) a taker, plus up to 50 promotions for all together
local base = KEYS[1]
local takers, apart = cmsgpack.unpack(ARGV[1]), ARGV[2] == '1'
-- @include read_meta
-- @include fetch_next
-- @include run_each
local function fetch_one(_, meta, one)
  local now, token = one[1][1], one[1][2]
  return fetch_next(base, meta, now, token, one[2]) or { false, '', 0, 0 }
end

return run_each(base, read_meta(base), takers, apart, fetch_one)
