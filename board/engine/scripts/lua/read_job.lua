-- read_job: everything one job's page shows: hash, place, neighbours, lock, logs, children and parent, all in bounds.
-- KEYS    base
-- ARGV    job_id str · logs_from int · log_lines int · child_limit int
-- DERIVED every key of the job, the containers of its queue, and the hashes and containers of its parent and children
-- RETURNS a flat list of names and values: kind, state, rank, total, score, previous, next, fields {name, text, length},
--   fields_total, ttl_ms, lock_ms, stoppable, stop_reason, logs_total, logs_from, logs, child_counts,
--   children {kind, key, base, id, state, name}, parent {key, base, id, state, name, policy, what became of this child,
--   counts of all its children, 1 where it failed before this child did, for a reason of its own}, next_run;
--   long fields and lines are cut
-- EVENTS  none
-- COST    O(log n), or O(100,000) in a list; at most 4 MB of fields copied, 256 KB of log lines; writes nothing
local base = KEYS[1]
local job_id, logs_from, log_lines, child_limit = unpack(ARGV)
logs_from, log_lines, child_limit = tonumber(logs_from), tonumber(log_lines), tonumber(child_limit)
-- @include cut_field
-- @include state_of
-- @include locate_job
-- @include child_counts
-- @include child_kind
-- @include failed_itself
-- @include field_names
-- @include is_next_run
-- @include parent_of
-- @include stop_request
local key = base .. job_id
local result = {}
local function put(name, value)
  result[#result + 1] = name
  result[#result + 1] = value
end

local where = state_of(base, job_id)
put('state', where and where[1] or 'unknown')
if where then
  local state, rank = where[1], where[2]
  put('rank', rank)
  put('total', where[3])
  put('score', where[4])
  if rank >= 0 then
    local container = base .. (state == 'waiting' and 'wait' or state)
    local function at(place)
      if place < 0 then
        return false
      elseif state == 'waiting' or state == 'active' or state == 'paused' then
        return redis.call('LINDEX', container, -place - 1)
      end
      local finished = state == 'completed' or state == 'failed'
      return redis.call(finished and 'ZREVRANGE' or 'ZRANGE', container, place, place)[1] or false
    end
    put('previous', at(rank - 1))
    put('next', at(rank + 1))
  end
end

local kind = redis.call('TYPE', key).ok
put('kind', kind)
put('ttl_ms', redis.call('PTTL', key))
put('lock_ms', try_read('PTTL', key .. ':lock') or -2)
local token = try_read('GET', key .. ':lock')
put('stoppable', token and string.sub(token, -6) == ':stops' and 1 or 0)
put('stop_reason', token and kind == 'hash' and stop_request(base, job_id, token) or false)
local logs_total = try_read('LLEN', key .. ':logs') or 0
if logs_from < 0 then
  logs_from = math.max(0, logs_total - log_lines)
end
local lines, log_budget = {}, 262144
for i, line in ipairs(try_read('LRANGE', key .. ':logs', logs_from, logs_from + log_lines - 1) or {}) do
  lines[i] = string.sub(line, 1, math.min(8192, math.max(log_budget, 0)))
  log_budget = log_budget - #lines[i]
end
put('logs_total', logs_total)
put('logs_from', logs_from)
put('logs', lines)
local counts = child_counts(key)
put('child_counts', counts)
if counts[1] + counts[2] + counts[3] + counts[4] > 0 then
  local children, passed = {}, { left = 1000000 }
  local function add(child_kind, keys, step)
    for i = 1, math.min(#keys, child_limit * step), step do
      local at = locate_job(keys[i], passed)
      children[#children + 1] = { child_kind, keys[i], at[1], at[2], at[3], at[4] }
    end
  end
  local function add_ended(child_kind, hash, count)
    if count <= 5000 then
      add(child_kind, field_names(hash, count, 5000), 1)
    else
      add(child_kind, (try_read('HSCAN', hash, 0, 'COUNT', child_limit) or {})[2] or {}, 2)
    end
  end
  add('failed', try_read('ZRANGE', key .. ':unsuccessful', 0, child_limit - 1) or {}, 1)
  add_ended('ignored', key .. ':failed', counts[3])
  add('unprocessed', (try_read('SSCAN', key .. ':dependencies', 0, 'COUNT', child_limit) or {})[2] or {}, 1)
  add_ended('processed', key .. ':processed', counts[1])
  put('children', children)
end
if kind ~= 'hash' then
  return result
end

local budget = { left = 4194304 }
local fields = {}
local fields_total = redis.call('HLEN', key)
put('fields_total', fields_total)
local names = {
  'name', 'data', 'opts', 'timestamp', 'delay', 'priority', 'parentKey', 'parent', 'rjk', 'deid', 'processedOn', 'pb',
  'ats', 'atm', 'attemptsMade', 'stc', 'finishedOn', 'returnvalue', 'failedReason', 'stacktrace', 'progress', 'defa',
  'tm',
}
if fields_total <= 100 then
  names = redis.call('HKEYS', key)
end
for _, name in ipairs(names) do
  if redis.call('HEXISTS', key, name) == 1 then
    local long = name == 'stacktrace' and 524288 or 65536
    local field = cut_field(key, name, long, budget)
    fields[#fields + 1] = { string.sub(name, 1, 300), field[1], field[2] }
  end
end
put('fields', fields)
local known = redis.call('HMGET', key, 'parentKey', 'parent', 'rjk')
local parent = parent_of(known[1], known[2])
if parent then
  local found = state_of(parent.base or '', parent.id or '')
  local name = try_read('HGET', parent.key, 'name')
  put('parent', {
    parent.key, parent.base or '', parent.id or '', found and found[1] or name and 'unknown' or false,
    name and string.sub(name, 1, 300), parent.policy or false, child_kind(parent.key, key), child_counts(parent.key),
    failed_itself(parent, key) and 1 or 0,
  })
end
put('next_run', is_next_run(base, job_id, known[3]) and 1 or 0)
return result
