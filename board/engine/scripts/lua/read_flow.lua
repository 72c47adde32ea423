-- read_flow: the tree of jobs around one job, from its topmost ancestor down, level by level, in bounds.
-- KEYS    base
-- ARGV    job_id str · depth int · node_limit int · child_limit int
-- DERIVED the hashes, child collections and containers of every job of the tree
-- RETURNS {climbed, nodes}; a node is a flat list of names and values, among them `parent`, the place of its parent in the
--   list (0 for the root), `shown`, how many of its children follow, none below the depth asked for, and of a node with more
--   children than those `ends`, a list of {time, 1 for failed} of some that have ended, evenly from all that are in order;
--   of the job asked for `apart`, 1 where its parent failed before it did, for a reason of its own
-- EVENTS  none
-- COST    O(nodes), 20,000 children put in order and 1,000 of them asked when they ended, 1,000,000 ids of long lists passed
--   for all of them; at most 20 steps up and down again; writes nothing
local base = KEYS[1]
local job_id, depth, node_limit, child_limit = unpack(ARGV)
depth, node_limit, child_limit = tonumber(depth), tonumber(node_limit), tonumber(child_limit)
-- @include try_read
-- @include parent_of
-- @include flow_node
-- @include ordered_children
-- @include child_kind
-- @include failed_itself
local root = base .. job_id
local climbed = 0
local on_the_way = {}
while climbed < 20 do
  local fields = try_read('HMGET', root, 'parentKey', 'parent')
  local parent = fields and parent_of(fields[1], fields[2])
  if not parent or parent.key == root or on_the_way[parent.key] or try_read('EXISTS', parent.key) ~= 1 then
    break
  end
  on_the_way[parent.key] = root
  root = parent.key
  climbed = climbed + 1
end

local nodes = {}
local budget = { left = 1000000 }
local order = { left = 20000 }
local asked = { left = 1000 }
local function add(key, parent, kind, level)
  nodes[#nodes + 1] = flow_node(key, key == base .. job_id and { base, job_id } or nil, parent, kind, level, budget)
end

-- When some of a wide node's children ended: every k-th of each list.
local function ends_of(lists)
  local ends = {}
  for failed, list in ipairs({ lists[2], lists[1] }) do
    local step = math.max(1, math.ceil(#list / math.min(200, math.max(1, asked.left))))
    for i = 1, asked.left > 0 and #list or 0, step do
      asked.left = asked.left - 1
      local ended = try_read('HGET', list[i][1], 'finishedOn')
      if ended then
        ends[#ends + 1] = { string.sub(ended, 1, 20), failed - 1 }
      end
    end
  end
  return ends
end

add(root, 0, 'root', 0)
local drawn = { [root] = true }
local at = 1
while at <= #nodes do
  local node = nodes[at]
  local key, level, counts, shown = node[2], node[14], node[16], 0
  -- The way down to the job asked for is shown however wide or deep the tree is.
  local wanted = on_the_way[key]
  if wanted and not drawn[wanted] then
    local kind = child_kind(key, wanted)
    drawn[wanted] = true
    add(wanted, at, kind, level + 1)
    shown = kind == 'forgotten' and 0 or 1
  end
  if level < depth and counts[1] + counts[2] + counts[3] + counts[4] > 0 then
    local ordered, total, lists = ordered_children(key, child_limit, order)
    if total > child_limit then
      node[#node + 1] = 'ends'
      node[#node + 1] = ends_of(lists)
    end
    for _, child in ipairs(ordered) do
      if shown < child_limit and #nodes < node_limit and not drawn[child[1]] then
        drawn[child[1]] = true
        add(child[1], at, child[2], level + 1)
        shown = shown + 1
      end
    end
  end
  node[18] = shown
  local above = nodes[node[10]]
  if above and key == base .. job_id then
    node[#node + 1] = 'apart'
    node[#node + 1] = failed_itself({ key = above[2], base = above[4], id = above[6] }, key) and 1 or 0
  end
  at = at + 1
end
return { climbed, nodes }
