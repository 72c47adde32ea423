-- ignore_failed_child: a parent goes on without a child that failed for good; the failure is kept among those it ignores.
-- A parent that had failed because of it, or was about to, waits or runs again, and so do those above that failed with it.
-- KEYS    base
-- ARGV    job_id str · parent_key str · now int
-- DERIVED the child's keys under its base, the keys of its parent, of those above that, and of their queues
-- RETURNS 0 the parent waits for others · 1 it is runnable · 2 it stays where it is · 3 another child still fails it
--         · -1 no such child · -3 it has not failed, or has another parent · -5 no such parent
--         · -21 the parent does not wait for it · -22 the parent has ended · -23 a worker holds the parent and fails it
-- EVENTS  waiting · delayed · waiting-children
-- COST    O(log n) for each of at most 20 levels, O(waiting) where a parent about to fail is in line
-- Redis undoes nothing when a script breaks off, so all keys are touched before anything is written: one of a wrong type, or
-- on another node of a cluster, costs no parent its place.
local base = KEYS[1]
local job_id, parent_key, now = ARGV[1], ARGV[2], tonumber(ARGV[3])
-- @include parent_of
-- @include child_kind
-- @include is_held
-- @include failed_itself
-- @include touch_parents
-- @include release_parent_if_ready
-- @include clear_deferred
-- @include pull_back
local child = base .. job_id
local fields = redis.call('HMGET', child, 'parentKey', 'parent', 'failedReason')
if redis.call('EXISTS', child) == 0 then
  return -1
end
local parent = parent_of(fields[1], fields[2])
if not redis.call('ZSCORE', base .. 'failed', job_id) or not parent or parent.key ~= parent_key then
  return -3
end
if redis.call('EXISTS', parent.key) == 0 then
  return -5
end
local kind = child_kind(parent.key, child)
if kind ~= 'unprocessed' and kind ~= 'failed' then
  return -21
end
local function has_ended(job)
  return redis.call('ZSCORE', job.base .. 'completed', job.id)
end
if has_ended(parent) or (kind == 'unprocessed' and redis.call('ZSCORE', parent.base .. 'failed', parent.id)) then
  return -22
end
if kind == 'failed' and failed_itself(parent, child) then
  return -22
end
if kind == 'failed' and is_held(parent.base, parent.id) then
  return -23
end
touch_parents(parent, kind == 'failed' and 20 or 1)
redis.call('HSET', parent.key .. ':failed', child, fields[3] or '')
if kind == 'unprocessed' then
  redis.call('SREM', parent.key .. ':dependencies', child)
  if not redis.call('ZSCORE', parent.base .. 'waiting-children', parent.id) then
    return 2
  end
  release_parent_if_ready(parent, now)
  return redis.call('SCARD', parent.key .. ':dependencies') > 0 and 0 or 1
end
redis.call('ZREM', parent.key .. ':unsuccessful', child)
local code, above = pull_back(parent, now)
for _ = 2, 20 do
  if not above or redis.call('EXISTS', above.key) == 0 or has_ended(above) then
    break
  end
  if is_held(above.base, above.id) then
    clear_deferred(above.key)
    break
  end
  local _, next = pull_back(above, now)
  above = next
end
return code
