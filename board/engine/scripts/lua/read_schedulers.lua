-- read_schedulers: the job schedulers of some queues of one cluster slot by their next run, and what became of their last runs.
-- KEYS    bases
-- ARGV    limit int · text str · only str · scan int
-- DERIVED the schedulers of each queue, the newest `scan` ids of its active, completed and failed, and the hashes of the
--   runs among them
-- RETURNS total, matched, searched, rows, problems as a flat list of names and values; a row is such a list too
-- EVENTS  none
-- COST    O(queues + schedulers looked through, at most 5,000 + limit + scan · queues shown, at most 60,000 ids); writes nothing
local bases = KEYS
local limit, text, only, scan = unpack(ARGV)
limit, scan = tonumber(limit), tonumber(scan)
-- @include try_read
-- @include state_of
-- @include cut_field
local total, searched, found, problems = 0, 0, {}, {}
local lists = { left = 1000000 }
local bytes, bytes_of_runs = { left = 4194304 }, { left = 4194304 }

local function matches(base, id)
  if text == '' then
    return true
  end
  local fields = try_read('HMGET', base .. 'repeat:' .. id, 'name', 'pattern') or {}
  local where = base .. ' ' .. id .. ' ' .. (fields[1] or '') .. ' ' .. (fields[2] or '')
  return string.find(string.lower(where), text, 1, true) ~= nil
end

for _, base in ipairs(bases) do
  local count, problem = try_read('ZCARD', base .. 'repeat')
  if not count then
    problems[#problems + 1] = base .. 'repeat: ' .. problem
  elseif only ~= '' then
    local score = redis.call('ZSCORE', base .. 'repeat', only)
    total = total + count
    if score then
      found[#found + 1] = { base, only, score, tonumber(score) }
    end
  elseif count > 0 then
    total = total + count
    local last = text == '' and limit - 1 or math.min(4999 - searched, count - 1)
    local items = last < 0 and {} or redis.call('ZRANGE', base .. 'repeat', 0, last, 'WITHSCORES')
    for i = 1, #items, 2 do
      searched = searched + 1
      if matches(base, items[i]) then
        found[#found + 1] = { base, items[i], items[i + 1], tonumber(items[i + 1]) }
      end
    end
  end
end
table.sort(found, function(a, b)
  if a[4] ~= b[4] then
    return a[4] < b[4]
  end
  return a[1] .. a[2] < b[1] .. b[2]
end)

-- The newest ids that runs of schedulers have, by scheduler, of one queue.
local passed, runs_of = 0, {}
local function look_for_runs(base)
  local runs = {}
  runs_of[base] = runs
  for _, state in ipairs({ 'active', 'completed', 'failed' }) do
    local most = math.min(scan, 60000 - passed)
    if most > 0 then
      local ids
      if state == 'active' then
        ids = try_read('LRANGE', base .. state, 0, most - 1) or {}
      else
        ids = try_read('ZREVRANGE', base .. state, 0, most - 1) or {}
      end
      passed = passed + #ids
      for _, job_id in ipairs(ids) do
        local scheduler, at = string.match(job_id, '^repeat:(.+):(%d+)$')
        if scheduler then
          runs[scheduler] = runs[scheduler] or {}
          table.insert(runs[scheduler], { tonumber(at), job_id, state })
        end
      end
    end
  end
end

local function last_runs(base, id, most)
  if not runs_of[base] then
    look_for_runs(base)
  end
  local runs = runs_of[base][id] or {}
  table.sort(runs, function(a, b)
    return a[1] > b[1]
  end)
  local told = {}
  for i = 1, math.min(most, #runs) do
    local at, job_id, state = unpack(runs[i])
    local key = base .. job_id
    local fields = try_read('HMGET', key, 'processedOn', 'finishedOn', 'ats') or {}
    local opts = cut_field(key, 'opts', 65536, bytes_of_runs)[1] or ''
    local rule = string.match(opts, '"repeat"%s*:%s*(%b{})') or ''
    told[i] = {
      job_id, string.format('%.0f', at), state, fields[1] or false, fields[2] or false,
      cut_field(key, 'failedReason', 300, bytes_of_runs)[1], string.match(rule, '"count"%s*:%s*(%d+)') or false,
      fields[3] or false,
    }
  end
  return told
end

local names = { 'name', 'pattern', 'every', 'tz', 'limit', 'startDate', 'endDate', 'offset', 'ic' }
local rows = {}
for i = 1, math.min(limit, #found) do
  local base, id, score = unpack(found[i])
  local record = base .. 'repeat:' .. id
  local fields, problem = try_read('HMGET', record, unpack(names))
  if problem then
    problems[#problems + 1] = record .. ': ' .. problem
  end
  local pending = string.format('repeat:%s:%.0f', id, found[i][4])
  local where = state_of(base, pending, lists)
  local row = {
    'base', base, 'id', id, 'next', score, 'has_record', fields and redis.call('EXISTS', record) or 0,
    'pending', pending, 'pending_state', where and where[1] or false, 'runs', last_runs(base, id, only ~= '' and 30 or 5),
  }
  for at, name in ipairs(names) do
    if fields and fields[at] then
      row[#row + 1] = name
      row[#row + 1] = string.sub(fields[at], 1, 600)
    end
  end
  if fields and only ~= '' then
    row[#row + 1], row[#row + 2] = 'data', cut_field(record, 'data', 65536, bytes)
    row[#row + 1], row[#row + 2] = 'opts', cut_field(record, 'opts', 65536, bytes)
  end
  rows[i] = row
end
return { 'total', total, 'matched', #found, 'searched', searched, 'rows', rows, 'problems', problems }
