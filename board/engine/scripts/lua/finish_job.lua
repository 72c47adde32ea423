-- finish_job: end an active job as completed or failed and, if asked, take the next one under the same token.
-- KEYS    base
-- ARGV    now int · finish msgpack · taker msgpack
-- DERIVED the queue's keys under its base, its parent's, and the dead-letter queue's
-- RETURNS 0 done · a fetched tuple as fetch_job · -1 no such job · -2 lock gone · -3 not active · -4 children pending
--         · -6 lock of another · -9 a child failed
-- EVENTS  completed · failed · retries-exhausted · waiting · delayed · active · drained · added
-- COST    O(log n) and O(active) for the list, plus retention (at most 1,000 by count, `limit` by age)
local base = KEYS[1]
local now, finish, taker = tonumber(ARGV[1]), cmsgpack.unpack(ARGV[2]), ARGV[3]
-- @include read_meta
-- @include finish_one
-- @include fetch_next
-- @include announce_if_drained
local meta = read_meta(base)
local code = finish_one(base, meta, now, finish)
if code < 0 then
  return code
end
if taker ~= '' then
  local fetched = fetch_next(base, meta, cmsgpack.unpack(taker))
  if fetched then
    return fetched
  end
end
announce_if_drained(base)
return 0
