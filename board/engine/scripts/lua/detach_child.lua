-- detach_child: a parent stops waiting for one child, which stays.
-- KEYS    child · parent
-- ARGV    none
-- DERIVED the keys of the parent's queue
-- RETURNS 0 done · 1 it was not waited for · -1 no such child · -5 no such parent
-- EVENTS  waiting
-- COST    O(1)
local child, parent = KEYS[1], KEYS[2]
-- @include split_key
-- @include detach_from_parent
if redis.call('EXISTS', child) == 0 then
  return -1
end
if redis.call('EXISTS', parent) == 0 then
  return -5
end
if redis.call('SISMEMBER', parent .. ':dependencies', child) == 0 then
  return 1
end
detach_from_parent('', child, parent, redis.call('HGET', child, 'parent'), false)
redis.call('HDEL', child, 'parentKey', 'parent')
return 0
