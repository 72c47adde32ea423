-- read_locks: who holds the locks of the jobs that a run takes out of `active`, in one command where they are several.
-- From here on the run knows: `meta.locks` has the token by id, false for none, and `meta.dropped` the locks that go at its
-- end (drop_pending).
local function read_locks(base, meta, job_ids)
  if #job_ids < 2 then
    return
  end
  local keys = {}
  for i = 1, #job_ids do
    keys[i] = base .. job_ids[i] .. ':lock'
  end
  local holders = redis.call('MGET', unpack(keys))
  meta.locks, meta.dropped = {}, {}
  for i = 1, #job_ids do
    meta.locks[job_ids[i]] = holders[i]
  end
end
