-- guarded: call a function for one of several callers; an error it meets is its result, and the others' work goes on.
-- Redis before 7 raises a text, later ones a table.
local function guarded(work, ...)
  local ok, result = pcall(work, ...)
  if ok then
    return result
  end
  return type(result) == 'table' and result or redis.error_reply(tostring(result))
end
