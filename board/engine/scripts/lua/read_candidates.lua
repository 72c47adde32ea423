-- read_candidates: some jobs of one state from a place on, with no more of each than somebody who looks for one asks for.
-- KEYS    base
-- ARGV    state str · order str · after_score str · after_member str · count int · wanted str · longest int · bytes int
-- DERIVED every key of the queue under its base
-- RETURNS total, start, last, more, jobs as a flat list of names and values; a job is {id, score, kind, names and values};
--   of a data, returnvalue or trace that is longer than `longest` only the length is told
-- EVENTS  none
-- COST    O(count) and at most about `bytes` copied, but always one job; a place in a list O(100,000) at most; writes
--   nothing
local base = KEYS[1]
local state, order, after_score, after_member, count, wanted, longest, bytes = unpack(ARGV)
count, longest, bytes = tonumber(count), tonumber(longest), tonumber(bytes)
-- @include try_read
-- @include container_ids
-- @include rank_after
-- @include error_name
local container = base .. (state == 'waiting' and 'wait' or state)
local is_list = state == 'waiting' or state == 'active' or state == 'paused'
local newest_first = order == 'newest'
local texts = { data = true, returnvalue = true, failedReason = true }
local short, long = {}, {}
local wants_error, wants_trace = false, false
for name in string.gmatch(wanted, '[^,]+') do
  if name == 'error' then
    wants_error = true
  elseif name == 'trace' then
    wants_trace = true
  elseif texts[name] then
    long[#long + 1] = name
  else
    short[#short + 1] = name
  end
end

local total = try_read(is_list and 'LLEN' or 'ZCARD', container) or 0
local start = 0
if after_score ~= '' and is_list then
  start = tonumber(after_score)
elseif after_score ~= '' and total > 0 then
  start = rank_after(container, after_score, after_member, newest_first)
end

-- How long a field is, or nothing where its key holds no hash.
local function long_field(key, name)
  local length = try_read('HSTRLEN', key, name) or 0
  if length > longest then
    return { false, length }
  end
  bytes = bytes - length
  return { try_read('HGET', key, name), length }
end

local function read_one(job_id, score)
  local key = base .. job_id
  local job = { job_id, score, 'hash' }
  if string.sub(job_id, 1, 2) == '0:' then -- of very old releases, and stands for no job
    job[3] = 'marker'
    return job
  end
  local fields = try_read('HMGET', key, 'name', unpack(short))
  if not fields then
    job[3] = redis.call('TYPE', key).ok
    return job
  end
  if not fields[1] and redis.call('EXISTS', key) == 0 then
    job[3] = 'none'
    return job
  end
  for i = 0, #short do
    local value = fields[i + 1]
    if value then
      bytes = bytes - #value
      job[#job + 1] = i == 0 and 'name' or short[i]
      job[#job + 1] = string.sub(value, 1, 8192)
    end
  end
  for _, name in ipairs(long) do
    job[#job + 1], job[#job + 2] = name, long_field(key, name)
  end
  if wants_error or wants_trace then
    local trace = long_field(key, 'stacktrace')
    if wants_error then
      job[#job + 1], job[#job + 2] = 'error', trace[1] and error_name(trace[1])
    end
    if wants_trace then
      job[#job + 1], job[#job + 2] = 'trace', trace
    end
  end
  return job
end

local jobs, last, place = {}, false, start
while #jobs < count and bytes > 0 do
  local ids = container_ids(container, is_list, newest_first, place, math.min(100, count - #jobs))
  if #ids == 0 then
    break
  end
  for _, pair in ipairs(ids) do
    if bytes <= 0 then
      break
    end
    place = place + 1
    jobs[#jobs + 1] = read_one(pair[1], pair[2])
    last = is_list and { tostring(place), '' } or { pair[2], pair[1] }
  end
end
local more = last and #container_ids(container, is_list, newest_first, place, 1) > 0
return { 'total', total, 'start', start, 'last', last, 'more', more and 1 or 0, 'jobs', jobs }
