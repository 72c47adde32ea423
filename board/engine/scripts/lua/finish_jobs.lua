-- finish_jobs: end up to 50 active jobs, each as if ended alone, in order: as completed or failed; then, for each that ended
-- and if asked, take the next one under the same token, in order.
-- KEYS    base
-- ARGV    ends msgpack · apart flag
-- DERIVED the queue's keys under its base, their parents', and the dead-letter queue's
-- RETURNS for each end: 0 done · a fetched tuple as fetch_jobs · -1 no such job · -2 lock gone · -3 not active
--         · -4 children pending · -6 lock of another · -9 a child failed; with `apart`, for ends of several callers,
--         also the error that one of them met
-- EVENTS  completed · failed · retries-exhausted · waiting · delayed · added of all ends, in order · waiting · active of all
--         takers · drained, once
-- COST    O(log n) a job, and O(active) where it is not among the last of `active`; plus retention and promotions (at most
--         100 and 50 for all together)
local base = KEYS[1]
local ends, apart = cmsgpack.unpack(ARGV[1]), ARGV[2] == '1'
-- @include read_meta
-- @include look_ahead
-- @include finish_one
-- @include fetch_next
-- @include announce_if_drained
-- @include run_each
-- @include finish_several when called
local meta = read_meta(base)
look_ahead(base, meta, ends)
if #ends > 1 then
  return finish_several(base, meta, ends, apart)
end

local function end_one(_, _, finish)
  local code = finish_one(base, meta, finish)
  if code < 0 then
    return code
  end
  local now, token, taker = finish[1], finish[3], finish[6]
  if taker then
    local fetched = fetch_next(base, meta, now, token, taker)
    if fetched then
      return fetched
    end
  end
  announce_if_drained(base)
  return 0
end

return run_each(base, meta, ends, apart, end_one)
