-- keep_last_duplicate: while the owner of a deduplication id is active, its newest duplicate is stored to run afterwards.
-- True if it was stored. Release 5 knows nothing of it.
-- @include announce_duplicate
local function keep_last_duplicate(base, meta, job_id, job, owner_id)
  if meta.legacy or not job.dedup.keep_last or not redis.call('LPOS', base .. 'active', owner_id) then
    return false
  end
  local key = base .. 'dn:' .. job.dedup.id
  local fields = { 'name', job.name, 'data', job.data, 'opts', job.opts, 'jid', job_id }
  local function add(field, value)
    if value then
      fields[#fields + 1] = field
      fields[#fields + 1] = value
    end
  end
  add('pk', job.parent_key)
  add('pd', job.parent_key and job.parent)
  add('pdk', job.parent_key and job.parent_key .. ':dependencies')
  add('rjk', job.scheduler)
  redis.call('DEL', key)
  redis.call('HSET', key, unpack(fields))
  redis.call('PERSIST', base .. 'de:' .. job.dedup.id)
  announce_duplicate(base, meta, owner_id, job_id, job.dedup.id, owner_id)
  return true
end
