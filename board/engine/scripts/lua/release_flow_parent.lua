-- release_flow_parent: last step of adding a flow: a parent all of whose children had ended before becomes runnable.
-- KEYS    base
-- ARGV    job_id str · now int
-- DERIVED the queue's keys under its base
-- RETURNS 0
-- EVENTS  waiting · delayed
-- COST    O(log n)
local base = KEYS[1]
local job_id, now = ARGV[1], tonumber(ARGV[2])
-- @include release_parent_if_ready
local key = base .. job_id
if redis.call('HDEL', key, 'flowAttachmentFailed') == 0 then
  release_parent_if_ready({ key = key, base = base, id = job_id }, now)
end
return 0
