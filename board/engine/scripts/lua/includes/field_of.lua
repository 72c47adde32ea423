-- field_of: the value of a field in what HGETALL returned, or nil.
local function field_of(hash, name)
  for i = 1, #hash, 2 do
    if hash[i] == name then
      return hash[i + 1]
    end
  end
  return nil
end
