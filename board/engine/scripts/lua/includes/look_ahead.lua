-- look_ahead: ask once, for all the jobs that a run ends, what else is asked for each: who holds their locks, whether any job
-- is suspected to be stalled (`meta.suspects`), and whether none of them has children that hold it up (`meta.childless`).
-- @include read_locks
local function look_ahead(base, meta, ends)
  local stalled = base .. 'stalled'
  local job_ids, rare = {}, { stalled }
  for i = 1, #ends do
    local job_id = ends[i][2]
    local key = base .. job_id
    job_ids[i] = job_id
    rare[2 * i], rare[2 * i + 1] = key .. ':dependencies', key .. ':unsuccessful'
  end
  read_locks(base, meta, job_ids)
  local found = redis.call('EXISTS', unpack(rare))
  meta.suspects = found > 0 and redis.call('EXISTS', stalled) == 1
  meta.childless = found == (meta.suspects and 1 or 0)
end
