-- read_page: one page of the jobs of one state of a queue, with the queue's counts, and a job looked up by its exact id.
-- KEYS    base
-- ARGV    state str · order str · size int · after_score str · after_member str · find str · text str · error str ·
--   scan int · facet_limit int
-- DERIVED every key of the queue under its base
-- RETURNS summary, rows, start, last, more, searched, found, facets as a flat list of names and values; each of the rows is
--   packed, `found` is not; `last` is where the next page begins: {score, member} in a sorted set, {index, ''} in a list,
--   where an index is all there is
-- EVENTS  none
-- COST    O(size + scan), each job cut to some kilobytes; a job's place in a list O(100,000) at most; writes nothing
local base = KEYS[1]
local state, order, size, after_score, after_member, find, text, error, scan, facet_limit = unpack(ARGV)
size, scan, facet_limit = tonumber(size), tonumber(scan), tonumber(facet_limit)
-- @include queue_summary
-- @include job_row
-- @include state_of
-- @include rank_after
-- @include row_matches
-- @include count_errors
-- @include container_ids
local container = base .. (state == 'waiting' and 'wait' or state)
local is_list = state == 'waiting' or state == 'active' or state == 'paused'
local newest_first = order == 'newest'
local wish = { text = text, error = error }
local budget, errors = { left = 16777216 }, {}

local start = 0
if after_score ~= '' and is_list then
  start = tonumber(after_score)
elseif after_score ~= '' and try_read('ZCARD', container) then
  start = rank_after(container, after_score, after_member, newest_first)
end

local rows, last, searched = {}, false, 0
local filtered = text ~= '' or error ~= ''
local wanted = filtered and scan or size
local place = start
local more = false
while searched < wanted and #rows < size do
  local ids = container_ids(container, is_list, newest_first, place, math.min(100, wanted - searched))
  if #ids == 0 then
    break
  end
  for _, pair in ipairs(ids) do
    place = place + 1
    searched = searched + 1
    last = is_list and { tostring(place), '' } or { pair[2], pair[1] }
    -- ids of very old releases that stand for no job begin with `0:`
    if string.sub(pair[1], 1, 2) ~= '0:' and (not filtered or row_matches(base, pair[1], wish, budget)) then
      rows[#rows + 1] = cmsgpack.pack(job_row(base, pair[1], state, pair[2], budget, errors))
      if #rows == size then
        break
      end
    end
  end
end
if last then
  more = #container_ids(container, is_list, newest_first, place, 1) > 0
end

local found = false
if find ~= '' then
  local where = state_of(base, find)
  if where or redis.call('EXISTS', base .. find) == 1 then
    found = job_row(base, find, where and where[1] or 'unknown', where and where[4], budget)
  end
end
local facets = {}
if state == 'failed' and facet_limit > 0 then
  local newest = {}
  for i, job_id in ipairs(try_read('ZREVRANGE', container, 0, facet_limit - 1) or {}) do
    newest[i] = base .. job_id
  end
  facets = count_errors(newest, { left = 4194304 }, errors)
end
return {
  'summary', queue_summary(base),
  'rows', rows,
  'start', start,
  'last', last,
  'more', more and 1 or 0,
  'searched', searched,
  'found', found,
  'facets', facets,
}
