-- descendants: how far the jobs below one are, those below its children included: {done, total, 1 where there may be more}.
-- A job's children are counted by its keys, however many they are. Up to `most` of those below are looked into for
-- children of their own, and all calls of a script share `budget.below`; with `inside`, only those of bases in it. So do they
-- share `budget.fields`, of the hashes of children that ended: into one that has more nobody looks.
-- @include child_counts
-- @include field_names
-- @include split_key
local function descendants(key, most, budget, inside)
  local done, total, cut, left = 0, 0, 0, most
  local seen, level, at = { [key] = true }, { key }, 1
  local function look_into(keys)
    for _, child in ipairs(keys) do
      local may = left > 0 and budget.below > 0 and (not inside or inside[split_key(child) or ''])
      if not seen[child] and not may then
        cut = 1
      elseif not seen[child] then
        seen[child] = true
        left, budget.below = left - 1, budget.below - 1
        local lists = { child .. ':dependencies', child .. ':processed', child .. ':failed', child .. ':unsuccessful' }
        if (try_read('EXISTS', unpack(lists)) or 0) > 0 then
          level[#level + 1] = child
        end
      end
    end
    return #keys
  end
  local function ended(hash, count)
    local names = field_names(hash, count, left > 0 and budget.below > 0 and budget.fields or 0)
    budget.fields = budget.fields - #names
    return names
  end
  while level[at] do
    local node = level[at]
    local counts = child_counts(node)
    local children = counts[1] + counts[2] + counts[3] + counts[4]
    done, total = done + children - counts[2], total + children
    local met = 0
    if children > 0 and left > 0 then
      met = look_into(try_read('ZRANGE', node .. ':unsuccessful', 0, left) or {})
        + look_into((try_read('SSCAN', node .. ':dependencies', 0, 'COUNT', math.max(left, 1)) or {})[2] or {})
        + look_into(ended(node .. ':failed', counts[3]))
        + look_into(ended(node .. ':processed', counts[1]))
    end
    if met < children then
      cut = 1
    end
    at = at + 1
  end
  return { done, total, cut }
end
