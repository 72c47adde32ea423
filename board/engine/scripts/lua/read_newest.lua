-- read_newest: the newest members of one sorted set of many queues of one cluster slot, merged, with the jobs behind them.
-- KEYS    bases
-- ARGV    state str · size int · after_score str · after_base str · after_member str · text str · error str · scan int ·
--   facet_limit int · below int · is_inside flag
-- DERIVED that sorted set of each queue, the hashes of at most `scan` and `facet_limit` of its jobs, and with `below` the
--   child collections of so many jobs below each row, with `is_inside` only of the queues of the bases
-- RETURNS total, rows, last, more, searched, facets as a flat list of names and values; `last` is {score, base, member};
--   with `below` each row has that too: {done, total, 1 where there may be more}
-- EVENTS  none
-- COST    O(queues + (size + scan + facets) · queues) in memory, no more than that many jobs read, and 1,000 below them,
--   whose keys are among 10,000 of children that ended; writes nothing
local bases = KEYS
local state, size, after_score, after_base, after_member, text, error, scan, facet_limit, below, is_inside = unpack(ARGV)
size, scan, facet_limit, below, is_inside = tonumber(size), tonumber(scan), tonumber(facet_limit), tonumber(below), is_inside == '1'
-- @include job_row
-- @include descendants
-- @include rank_after
-- @include row_matches
-- @include count_errors
local wish = { text = text, error = error }
local budget = { left = 16777216, below = 1000, fields = 10000 }
local inside = is_inside and {} or nil
for i = 1, is_inside and #bases or 0 do
  inside[bases[i]] = true
end

-- Order over all queues: higher score, then the base that sorts first, then the higher member.
local function first_rank(base, container)
  if after_score == '' then
    return 0
  end
  if base == after_base then
    return rank_after(container, after_score, after_member, true)
  end
  local from = is_before(base, after_base) and after_score or '(' .. after_score
  return redis.call('ZCOUNT', container, from, '+inf')
end

-- A function that gives one {score, base, member} after the other, reading each queue ten at a time.
local function merged(rank_of)
  local heads = {}
  local function refill(head)
    head.items = redis.call('ZREVRANGE', head.container, head.rank, head.rank + 9, 'WITHSCORES')
    head.rank = head.rank + 10
    head.at = 1
    head.score = tonumber(head.items[2] or nil)
    return head.score ~= nil
  end
  for _, base in ipairs(bases) do
    local container = base .. state
    if (try_read('ZCARD', container) or 0) > 0 then
      local head = { base = base, container = container, rank = rank_of(base, container) }
      if refill(head) then
        heads[#heads + 1] = head
      end
    end
  end
  return function()
    local best, place
    for i, head in ipairs(heads) do
      if not best or head.score > best.score or head.score == best.score and is_before(head.base, best.base) then
        best, place = head, i
      end
    end
    if not best then
      return nil
    end
    local item = { best.items[best.at + 1], best.base, best.items[best.at] }
    best.at = best.at + 2
    if best.at > #best.items then
      if not refill(best) then
        table.remove(heads, place)
      end
    else
      best.score = tonumber(best.items[best.at + 1])
    end
    return item
  end
end

local total = 0
for _, base in ipairs(bases) do
  total = total + (try_read('ZCARD', base .. state) or 0)
end
local filtered = text ~= '' or error ~= ''
local wanted = filtered and scan or size
local rows, last, searched, errors = {}, false, 0, {}
local next_item = merged(first_rank)
while searched < wanted and #rows < size do
  local item = next_item()
  if not item then
    break
  end
  searched = searched + 1
  last = item
  if not filtered or row_matches(item[2], item[3], wish, budget) then
    local row = job_row(item[2], item[3], state, item[1], budget, errors)
    if below > 0 then
      row[#row + 1], row[#row + 2] = 'below', descendants(item[2] .. item[3], below, budget, inside)
    end
    rows[#rows + 1] = row
  end
end
local more = last and next_item() and 1 or 0
local facets = {}
if facet_limit > 0 then
  local keys = {}
  local from_start = merged(function()
    return 0
  end)
  for i = 1, facet_limit do
    local item = from_start()
    if not item then
      break
    end
    keys[i] = item[2] .. item[3]
  end
  facets = count_errors(keys, { left = 4194304 }, errors)
end
return { 'total', total, 'rows', rows, 'last', last, 'more', more, 'searched', searched, 'facets', facets }
