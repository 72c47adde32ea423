-- deduplicate: let the job through (nil) or drop it in favour of the owner of its deduplication id (the owner's id).
-- A job with children never replaces another.
-- @include replace_duplicate
-- @include refuse_duplicate
-- @include move_delayed_owner
local function deduplicate(base, meta, job_id, job)
  local dedup = job.dedup
  if meta.legacy then
    dedup.keep_last = false
    dedup.reschedule = false
  end
  if dedup.replace and not job.has_children then
    return replace_duplicate(base, meta, job_id, job)
  end
  local owner_id = refuse_duplicate(base, meta, job_id, job)
  if owner_id and dedup.reschedule and not job.has_children then
    move_delayed_owner(base, meta, owner_id, job)
  end
  return owner_id
end
