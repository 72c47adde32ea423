-- put_ended: put a job among those that completed or failed. The first of a run shows that they are a sorted set; those
-- after it are collected in `meta.ended` and put there together (put_pending).
local function put_ended(base, meta, set, now, job_id)
  meta.ended = meta.ended or {}
  local pending = meta.ended[set]
  if not pending then
    redis.call('ZADD', base .. set, now, job_id)
    meta.ended[set] = {}
    return
  end
  pending[#pending + 1] = now
  pending[#pending + 1] = job_id
end
