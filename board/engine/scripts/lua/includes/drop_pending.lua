-- drop_pending: delete the locks that `drop_lock` collected in `meta.dropped`.
local function drop_pending(_, meta)
  if meta.dropped and #meta.dropped > 0 then
    redis.call('DEL', unpack(meta.dropped))
    meta.dropped = {}
  end
end
