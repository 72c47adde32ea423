-- read_locks: who holds the locks of the jobs that a run takes out of `active`, in one command where they are several.
-- `place` is where an item has its job's id. From here on the run knows: `meta.several` is how many, `meta.locks` has the token by
-- id, false for none, and `meta.dropped` the locks that go at its end (drop_pending).
local function read_locks(base, meta, items, place)
  local count = #items
  if count < 2 then
    return
  end
  local keys = {}
  for i = 1, count do
    keys[i] = base .. items[i][place] .. ':lock'
  end
  local holders = redis.call('MGET', unpack(keys))
  local locks = {}
  for i = 1, count do
    locks[items[i][place]] = holders[i]
  end
  meta.several, meta.locks, meta.dropped = count, locks, {}
end
