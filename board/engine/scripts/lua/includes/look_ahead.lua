-- look_ahead: ask once, for all the jobs that a run ends, whether any job is suspected to be stalled (`meta.suspects`), and
-- whether none of them has children that hold it up (`meta.childless`).
local function look_ahead(base, meta, ends)
  local stalled = base .. 'stalled'
  local rare = { stalled }
  for i = 1, #ends do
    local key = base .. ends[i][2]
    rare[2 * i], rare[2 * i + 1] = key .. ':dependencies', key .. ':unsuccessful'
  end
  local found = redis.call('EXISTS', unpack(rare))
  meta.suspects = found > 0 and redis.call('EXISTS', stalled) == 1
  meta.childless = found == (meta.suspects and 1 or 0)
end
