-- cut_field: the first bytes of a hash field and its whole length: {text, length}; false for the text when it is absent,
-- or when reading it would exceed what one page may make the server copy (`budget.left`).
-- @include try_read
local function cut_field(key, field, bytes, budget)
  local length = try_read('HSTRLEN', key, field)
  if not length or length == 0 then
    return { try_read('HGET', key, field), 0 }
  end
  if length > budget.left then
    return { false, length }
  end
  budget.left = budget.left - length
  local text = redis.call('HGET', key, field)
  return { length > bytes and string.sub(text, 1, bytes) or text, length }
end
