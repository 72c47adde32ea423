-- settle_deduplication: a job that finished gives up its deduplication id, unless a window is still open; the duplicate that
-- was kept for afterwards becomes a job now.
-- @include own_deduplication
-- @include store_job
-- @include route_job
local function settle_deduplication(base, meta, job_id, dedup_id, now)
  local owner = base .. 'de:' .. dedup_id
  local left = redis.call('PTTL', owner)
  if left == 0 or (left == -1 and redis.call('GET', owner) == job_id) then
    redis.call('DEL', owner)
  end
  if meta.legacy then
    return
  end
  local key = base .. 'dn:' .. dedup_id
  local kept = redis.call('HMGET', key, 'name', 'data', 'opts', 'jid', 'pk', 'pd', 'pdk', 'rjk')
  if not kept[1] then
    return
  end
  local number = redis.call('INCR', base .. 'id')
  local next_id = kept[4] or string.format('%d', number)
  local ok, opts = pcall(cjson.decode, kept[3] or '{}')
  if not ok or type(opts) ~= 'table' then
    opts = {}
  end
  local de = type(opts.de) == 'table' and opts.de or {}
  local job = {
    name = kept[1],
    data = kept[2] or '{}',
    opts = kept[3] or '{}',
    timestamp = now,
    delay = tonumber(opts.delay) or 0,
    priority = tonumber(opts.priority) or 0,
    lifo = opts.lifo,
    parent_key = kept[5],
    parent = kept[6],
    scheduler = kept[8],
    dedup = { id = dedup_id, ttl = tonumber(de.ttl), keep_last = de.keepLastIfActive },
  }
  own_deduplication(owner, next_id, job.dedup)
  store_job(base, next_id, job)
  route_job(base, meta, next_id, job)
  if kept[7] then
    redis.call('SADD', kept[7], base .. next_id)
    meta.childless = false
  end
  redis.call('DEL', key)
end
