-- some_fields: the names of about `most` fields of a hash, the same ones each time; all names where there are at most `all`.
-- HSCAN copies the values too, and results of children may be of any size: it ends after some 4 MB of them.
-- @include try_read
local function some_fields(key, count, all, most)
  if count <= all then
    return count > 0 and try_read('HKEYS', key) or {}
  end
  local names, cursor, bytes = {}, '0', 4194304
  repeat
    local page = redis.call('HSCAN', key, cursor, 'COUNT', 10)
    cursor = page[1]
    for i = 1, #page[2], 2 do
      names[#names + 1] = page[2][i]
      bytes = bytes - #page[2][i + 1]
    end
  until cursor == '0' or #names >= most or bytes <= 0
  return names
end
