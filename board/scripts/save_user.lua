-- save_user: change or remove one user, if it is still as it was read and an administrator is left.
-- KEYS    users hash
-- ARGV    name str · before json · after json, empty removes
-- RETURNS 1 saved · 0 changed meanwhile · -1 nobody would be an administrator
-- EVENTS  none
-- COST    O(users) when an administrator goes, else O(1)
local users = KEYS[1]
local name, before, after = ARGV[1], ARGV[2], ARGV[3]

local function leads(text)
  local ok, user = pcall(cjson.decode, text)
  return ok and type(user) == "table" and user.role == "admin" and user.is_disabled ~= true
end

if redis.call("HGET", users, name) ~= before then
  return 0
end
if leads(before) and not leads(after) then
  local everybody, others = redis.call("HGETALL", users), 0
  for at = 1, #everybody, 2 do
    if everybody[at] ~= name and leads(everybody[at + 1]) then
      others = others + 1
    end
  end
  if others == 0 then
    return -1
  end
end
if after == "" then
  redis.call("HDEL", users, name)
else
  redis.call("HSET", users, name, after)
end
return 1
