-- push_pending: put the jobs in line that `push_waiting` collected in `meta.pushed`, in their order.
-- @include waiting_list
local function push_pending(base, meta)
  if #meta.pushed > 0 then
    redis.call('LPUSH', waiting_list(base, meta), unpack(meta.pushed))
    meta.pushed = {}
  end
end
