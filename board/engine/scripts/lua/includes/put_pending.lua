-- put_pending: put the jobs among those that completed or failed that `put_ended` collected.
local function put_pending(base, meta)
  for set, pending in pairs(meta.ended or {}) do
    if #pending > 0 then
      redis.call('ZADD', base .. set, unpack(pending))
      meta.ended[set] = {}
    end
  end
end
