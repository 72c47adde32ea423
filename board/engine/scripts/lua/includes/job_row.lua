-- job_row: what one line of a job table shows, as a flat list of names and values. Long texts are cut, their length told.
-- `kind` is hash, none (the id stands in a list, its hash is gone) or whatever else the key holds. The fields are read in
-- one go once it is known how long the long ones are. `errors` gets the name of the error, or false, by key.
-- @include cut_field
-- @include child_counts
-- @include error_name
-- @include is_next_run
local function job_row(base, job_id, state, score, budget, errors)
  local key = base .. job_id
  local names = {
    'name', 'timestamp', 'delay', 'priority', 'processedOn', 'finishedOn', 'pb', 'ats', 'atm', 'attemptsMade',
    'stc', 'progress', 'failedReason', 'opts', 'rjk',
  }
  local row = { 'id', job_id, 'base', base, 'state', state, 'score', score or false }
  local lengths = {}
  for _, name in ipairs({ 'data', state == 'completed' and 'returnvalue' or state == 'failed' and 'stacktrace' or nil }) do
    local length = try_read('HSTRLEN', key, name)
    lengths[name] = length or 0
    if length and length <= budget.left then
      budget.left = budget.left - length
      names[#names + 1] = name
    end
  end
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
  local long = {}
  for i, name in ipairs(names) do
    local value = fields[i]
    if lengths[name] then
      long[name] = value
    elseif name == 'opts' and value and #value > 8192 then
      row[#row + 1], row[#row + 2] = 'long_opts', #value
    elseif value then
      row[#row + 1] = name
      row[#row + 1] = name ~= 'opts' and #value > 600 and string.sub(value, 1, 600) or value
    end
  end
  row[#row + 1], row[#row + 2] = 'data', { long.data and string.sub(long.data, 1, 2048) or false, lengths.data }
  if state == 'completed' then
    local returned = long.returnvalue and string.sub(long.returnvalue, 1, 1024) or false
    row[#row + 1], row[#row + 2] = 'returnvalue', { returned, lengths.returnvalue }
  end
  if fields[13] then
    local stacktrace = long.stacktrace
    if state ~= 'failed' then
      stacktrace = cut_field(key, 'stacktrace', 262144, budget)[1]
    end
    if stacktrace and #stacktrace > 262144 then -- a copy of a short one would cost as much as reading it
      stacktrace = string.sub(stacktrace, 1, 262144)
    end
    local name = stacktrace and error_name(stacktrace) or false
    row[#row + 1], row[#row + 2] = 'error_name', name
    if stacktrace and errors then
      errors[key] = name
    end
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
