-- field_names: the names of the fields of a hash, all of at most `most` and none of more. Without the values, which HSCAN
-- would copy: results of children may be of any size.
-- @include try_read
local function field_names(key, count, most)
  return count > 0 and count <= most and try_read('HKEYS', key) or {}
end
