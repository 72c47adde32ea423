-- locate_job: the full key of a job into {base, id, state, name}. The id is the text after the last colon unless no
-- container of that queue knows it: ids of schedulers hold colons themselves, so up to four are given back to the id.
-- `budget` is that of `state_of`.
-- @include state_of
-- @include split_key
local function locate_job(key, budget)
  local base, job_id = split_key(key)
  if not base then
    return { '', key, false, false }
  end
  local name = try_read('HGET', key, 'name')
  local try_base, try_id = base, job_id
  for _ = 1, name and 5 or 1 do
    local found = state_of(try_base, try_id, budget)
    if found then
      return { try_base, try_id, found[1], name and string.sub(name, 1, 300) }
    end
    local shorter, piece = split_key(string.sub(try_base, 1, -2))
    if not shorter or not string.find(shorter, ':.', 1) then
      break
    end
    try_base, try_id = shorter, piece .. ':' .. try_id
  end
  return { base, job_id, name and 'unknown' or false, name and string.sub(name, 1, 300) }
end
