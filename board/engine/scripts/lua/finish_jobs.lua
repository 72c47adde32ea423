-- finish_jobs: end up to 50 active jobs, each as if ended alone, in order: as completed or failed, and if asked take the
-- next one under the same token.
-- KEYS    base
-- ARGV    ends msgpack · apart flag
-- DERIVED the queue's keys under its base, their parents', and the dead-letter queue's
-- RETURNS for each end: 0 done · a fetched tuple as fetch_jobs · -1 no such job · -2 lock gone · -3 not active
--         · -4 children pending · -6 lock of another · -9 a child failed; with `apart`, for ends of several callers,
--         also the error that one of them met
-- EVENTS  completed · failed · retries-exhausted · waiting · delayed · active · drained · added
-- COST    O(log n) and O(active) a job, plus retention and promotions (at most 100 and 50 for all together)
local base = KEYS[1]
local ends, apart = cmsgpack.unpack(ARGV[1]), ARGV[2] == '1'
-- @include read_meta
-- @include finish_one
-- @include fetch_next
-- @include announce_if_drained
-- @include guarded
local meta = read_meta(base)

local function end_one(finish, taker)
  local code = finish_one(base, meta, finish)
  if code < 0 then
    return code
  end
  if taker then
    local fetched = fetch_next(base, meta, finish[1], finish[3], taker)
    if fetched then
      return fetched
    end
  end
  announce_if_drained(base)
  return 0
end

local results = {}
for i, work in ipairs(ends) do
  if apart then
    results[i] = guarded(end_one, work[1], work[2])
  else
    results[i] = end_one(work[1], work[2])
  end
end
return results
