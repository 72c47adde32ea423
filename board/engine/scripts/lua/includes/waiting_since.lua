-- waiting_since: since when the next job in line waits, or false when its hash cannot tell.
-- A job that was started before, or that waited for children, keeps no record of when it came back: those are passed over.
-- @include try_read
local function waiting_since(base, job_ids)
  for _, job_id in ipairs(job_ids) do
    local fields = try_read('HMGET', base .. job_id, 'timestamp', 'ats', 'opts')
    local added = fields and tonumber(fields[1] or nil)
    if added and not fields[2] and redis.call('EXISTS', base .. job_id .. ':processed') == 0 then
      local ok, options = pcall(cjson.decode, fields[3] or '')
      local delay = ok and type(options) == 'table' and tonumber(options.delay)
      return string.format('%.0f', added + (delay or 0))
    end
  end
  return false
end
