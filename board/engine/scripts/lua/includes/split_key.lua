-- split_key: a full job key into the base of its queue (with the colon) and the job's id, at the last colon.
local function split_key(key)
  local base, job_id = string.match(key, '^(.*:)([^:]*)$')
  return base, job_id
end
