-- fetch_jobs: promote what is due and take the next job for each of up to 50 takers, in order, locked for a worker.
-- KEYS    base
-- ARGV    takers msgpack · apart flag
-- DERIVED the queue's keys under its base
-- RETURNS for each taker: {id, name, data, opts, timestamp, delay, priority} of a job that nobody took before and that has no
--         other fields · {hash, id, ats} of any other, as it was before · {limited_ms, next_due_ms}; with `apart`, for takers
--         of several callers, also the error that one of them met
-- EVENTS  waiting · active
-- COST    O(log n) a taker, plus up to 50 promotions for all together
local base = KEYS[1]
local takers, apart = cmsgpack.unpack(ARGV[1]), ARGV[2] == '1'
-- @include read_meta
-- @include fetch_next
-- @include run_each
-- @include fetch_each when called
local meta = read_meta(base)
local nothing = { 0, 0 }
if #takers > 1 then
  local items, fetched = {}, {}
  for i, one in ipairs(takers) do
    items[i], fetched[i] = { one[1][1], false, one[1][2], false, false, one[2] }, 0
  end
  fetched = fetch_each(base, meta, items, fetched, apart)
  for i = 1, #takers do
    fetched[i] = fetched[i] == 0 and nothing or fetched[i]
  end
  return fetched
end

local function fetch_one(_, _, one)
  local now, token = one[1][1], one[1][2]
  return fetch_next(base, meta, now, token, one[2]) or nothing
end

return run_each(base, meta, takers, apart, fetch_one)
