-- stop_request: why somebody wants the attempt that this token holds to stop; nil when nobody does.
-- @include try_read
local function stop_request(base, job_id, token)
  local packed = try_read('HGET', base .. 'board:stops', job_id)
  if not packed then
    return nil
  end
  local asked = cmsgpack.unpack(packed)
  if asked[1] == token and asked[2] == (redis.call('HGET', base .. job_id, 'processedOn') or '') then
    return asked[3]
  end
  return nil
end
