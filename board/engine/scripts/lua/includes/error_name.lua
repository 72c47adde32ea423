-- error_name: the class of the error in the newest entry of a job's stack traces, or false.
-- Node writes it first ("TypeError: …"), Python last, below the frames, Elixir in parentheses.
local function error_name(stacktrace)
  local ok, entries = pcall(cjson.decode, stacktrace or '')
  if not ok or type(entries) ~= 'table' then
    return false
  end
  local newest = entries[#entries]
  if type(newest) ~= 'string' then
    return false
  end
  local line = string.match(newest, '^[^\n]*')
  if string.find(newest, 'Traceback (most recent call last):', 1, true) then
    local frames = newest
    while true do
      local _, stop = string.find(frames, 'Traceback (most recent call last):', 1, true)
      if not stop then
        break
      end
      frames = string.sub(frames, stop + 1)
    end
    line = string.match(frames, '\n([%a_][^\n]*)') or ''
  end
  local name = string.match(line, '^([%a_$][%w_$%.]*):')
    or string.match(line, '^([%a_$][%w_$%.]*) %[[%w_]+%]:')
    or string.match(line, '^([%a_$][%w_$%.]*)$')
    or string.match(line, '^%*%* %(([%w_%.]+)%)')
  return name and string.sub(name, 1, 120) or false
end
