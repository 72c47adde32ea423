-- is_before: whether one text sorts before another byte by byte, as Redis orders members of equal score.
-- Lua's own `<` asks the server's locale.
local function is_before(one, other)
  for i = 1, math.min(#one, #other) do
    local a, b = string.byte(one, i), string.byte(other, i)
    if a ~= b then
      return a < b
    end
  end
  return #one < #other
end
