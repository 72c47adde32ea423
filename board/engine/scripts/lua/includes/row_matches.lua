-- row_matches: whether a job answers a search: its newest error has that name, and the text (lower case) is in its id,
-- name, failure message or the first 2 KB of its data. An empty wish is always answered.
-- @include cut_field
-- @include error_name
local function row_matches(base, job_id, wish, budget)
  local key = base .. job_id
  if wish.error ~= '' then
    local stacktrace = cut_field(key, 'stacktrace', 262144, budget)[1]
    local name = stacktrace and error_name(stacktrace) or '(unnamed)'
    if name ~= wish.error then
      return false
    end
  end
  if wish.text == '' then
    return true
  end
  local fields = try_read('HMGET', key, 'name', 'failedReason') or {}
  local texts = { job_id, fields[1], fields[2], cut_field(key, 'data', 2048, budget)[1] }
  for i = 1, 4 do
    if texts[i] and string.find(string.lower(string.sub(texts[i], 1, 2048)), wish.text, 1, true) then
      return true
    end
  end
  return false
end
