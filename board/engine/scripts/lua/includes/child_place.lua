-- child_place: base and id of a child by its full key. Where the child is in the same queue its id may hold colons.
-- @include split_key
local function child_place(base, key)
  if string.sub(key, 1, #base) == base then
    return base, string.sub(key, #base + 1)
  end
  return split_key(key)
end
