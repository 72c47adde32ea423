-- run_each: do the work for each of several callers, in order. What the works put off, to do it together, is done by
-- `finally`, whatever happens to them.
-- With `apart` an error that one of them meets is its result, and the others' work goes on; else it ends the run. Redis
-- before 7 raises a text, later ones a table.
local function run_each(base, meta, items, apart, work, finally)
  local results, turn, broken = {}, 0, nil

  local function go_on()
    while turn < #items do
      turn = turn + 1
      results[turn] = work(base, meta, items[turn])
    end
  end

  repeat
    local ok, met = pcall(go_on)
    if not ok and apart then
      results[turn] = type(met) == 'table' and met or redis.error_reply(tostring(met))
    elseif not ok then
      broken = met
    end
  until ok or broken
  if finally then
    finally(base, meta)
  end
  if broken then
    error(broken, 0)
  end
  return results
end
