-- error_of: what `pcall` caught as an error reply. Redis before 7 raises a text, later ones a table.
local function error_of(caught)
  return type(caught) == 'table' and caught or redis.error_reply(tostring(caught))
end
