-- guarded: call a function for one of several callers; an error it meets is its result, and the others' work goes on.
-- @include error_of
local function guarded(work, ...)
  local ok, result = pcall(work, ...)
  if ok then
    return result
  end
  return error_of(result)
end
