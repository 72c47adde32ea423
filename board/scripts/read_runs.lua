-- read_runs: the latest bulk runs, newest first.
-- KEYS    all
-- ARGV    prefix str · count int
-- RETURNS {id, fields} of each that is still there
-- EVENTS  none
-- COST    O(count)
-- DERIVED the hash of each run
local found = {}
for _, run in ipairs(redis.call("ZREVRANGE", KEYS[1], 0, tonumber(ARGV[2]) - 1)) do
  local fields = redis.call("HGETALL", ARGV[1] .. run)
  if #fields > 0 then
    found[#found + 1] = { run, fields }
  end
end
return found
