-- job_row: what one line of a job table shows, as a flat list of names and values. Long texts are cut, their length told.
-- `kind` is hash, none (the id stands in a list, its hash is gone) or whatever else the key holds.
-- @include cut_field
-- @include child_counts
-- @include error_name
-- @include is_next_run
local function job_row(base, job_id, state, score, budget)
  local key = base .. job_id
  local names = {
    'name', 'timestamp', 'delay', 'priority', 'processedOn', 'finishedOn', 'pb', 'ats', 'atm', 'attemptsMade',
    'stc', 'progress', 'failedReason', 'opts', 'rjk',
  }
  local row = { 'id', job_id, 'base', base, 'state', state, 'score', score or false }
  local fields = try_read('HMGET', key, unpack(names))
  local kind = 'hash'
  if not fields then
    kind = redis.call('TYPE', key).ok
  elseif not fields[1] and not fields[2] and redis.call('EXISTS', key) == 0 then
    kind = 'none'
  end
  row[#row + 1], row[#row + 2] = 'kind', kind
  if kind ~= 'hash' then
    return row
  end
  for i, name in ipairs(names) do
    local value = fields[i]
    if name == 'opts' and value and #value > 8192 then
      row[#row + 1], row[#row + 2] = 'long_opts', #value
    elseif value then
      row[#row + 1] = name
      row[#row + 1] = string.sub(value, 1, name == 'opts' and 8192 or 600)
    end
  end
  local data = cut_field(key, 'data', 2048, budget)
  row[#row + 1], row[#row + 2] = 'data', data
  if state == 'completed' then
    row[#row + 1], row[#row + 2] = 'returnvalue', cut_field(key, 'returnvalue', 1024, budget)
  end
  if fields[13] then
    local stacktrace = cut_field(key, 'stacktrace', 262144, budget)
    row[#row + 1], row[#row + 2] = 'error_name', stacktrace[1] and error_name(stacktrace[1])
  end
  if state == 'active' then
    row[#row + 1], row[#row + 2] = 'lock_ms', redis.call('PTTL', key .. ':lock')
  end
  if state == 'waiting-children' then
    row[#row + 1], row[#row + 2] = 'children', child_counts(key)
  end
  if is_next_run(base, job_id, fields[15]) then
    row[#row + 1], row[#row + 2] = 'next_run', 1
  end
  return row
end
