-- finish_several: end several jobs, in order, then take a job for each that ended and asks for one, in order.
-- Whether the queue is drained is told once: for the last of those that took nothing.
-- @include read_locks
-- @include finish_one
-- @include catch_up
-- @include fetch_each
-- @include announce_if_drained
-- @include run_each
local function finish_several(base, meta, ends, apart)
  read_locks(base, meta, ends, 2)
  local results = run_each(base, meta, ends, apart, finish_one, catch_up)
  results = fetch_each(base, meta, ends, results, apart)
  for i = #ends, 1, -1 do
    if results[i] == 0 then
      results[i] = run_each(base, meta, { i }, apart, announce_if_drained)[1] or 0
      break
    end
  end
  return results
end
