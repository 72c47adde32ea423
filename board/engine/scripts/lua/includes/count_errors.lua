-- count_errors: how often each error occurs among the jobs with these keys, as a flat list of names and counts. Those that
-- were read before are in `errors`: a name, or false, by key.
-- @include cut_field
-- @include error_name
local function count_errors(keys, budget, errors)
  local counts, names = {}, {}
  for _, key in ipairs(keys) do
    local name = errors[key]
    if name == nil then
      local stacktrace = cut_field(key, 'stacktrace', 262144, budget)[1]
      name = stacktrace and error_name(stacktrace)
    end
    name = name or '(unnamed)'
    if not counts[name] then
      counts[name] = 0
      names[#names + 1] = name
    end
    counts[name] = counts[name] + 1
  end
  local flat = {}
  for _, name in ipairs(names) do
    flat[#flat + 1] = name
    flat[#flat + 1] = counts[name]
  end
  return flat
end
