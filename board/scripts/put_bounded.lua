-- put_bounded: set a field of a hash that may hold only so many.
-- KEYS    hash
-- ARGV    field str · value json · most int
-- RETURNS 1, or 0 when it is full and the field is new; then nothing changed
-- EVENTS  none
-- COST    O(1)
local hash = KEYS[1]
local field, value, most = ARGV[1], ARGV[2], tonumber(ARGV[3])

if redis.call("HEXISTS", hash, field) == 0 and redis.call("HLEN", hash) >= most then
  return 0
end
redis.call("HSET", hash, field, value)
return 1
