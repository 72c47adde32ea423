-- promote_due: make up to 50 delayed jobs runnable whose time has come.
-- One run of a script promotes once for each moment: `meta.promoted` is the latest of them, and nothing becomes due in
-- between.
-- @include promote_ids when called
local function promote_due(base, meta, now)
  if meta.promoted and meta.promoted >= now then
    return
  end
  meta.promoted = now
  local ids = redis.call('ZRANGEBYSCORE', base .. 'delayed', '0', (now + 1) * 4096 - 1, 'LIMIT', '0', '50')
  if #ids == 0 then
    return
  end
  if #ids == 50 then
    meta.promoted = math.huge
  end
  promote_ids(base, meta, ids)
end
