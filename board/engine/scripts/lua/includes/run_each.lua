-- run_each: do the work for each of several callers, in order. What the works put off, to do it together, is done by
-- `finally`, whatever happens to them.
-- With `apart` an error that one of them meets is its result, and the others' work goes on; else it ends the run. Redis
-- before 7 raises a text, later ones a table.
local function run_each(base, meta, items, apart, work, finally)
  local results, broken = {}, nil
  for i = 1, #items do
    local ok, result = pcall(work, base, meta, items[i])
    if ok then
      results[i] = result
    elseif apart then
      results[i] = type(result) == 'table' and result or redis.error_reply(tostring(result))
    else
      broken = result
      break
    end
  end
  if finally then
    finally(base, meta)
  end
  if broken then
    error(broken, 0)
  end
  return results
end
