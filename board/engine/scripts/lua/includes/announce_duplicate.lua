-- announce_duplicate: tell that one job was dropped in favour of another with its deduplication id.
-- Release 5 also knew the event under its older name.
-- @include emit_trimmed
local function announce_duplicate(base, meta, kept, dropped, dedup_id, legacy_id)
  if meta.legacy then
    emit_trimmed(base, meta, 'debounced', 'jobId', legacy_id, 'debounceId', dedup_id)
  end
  emit_trimmed(base, meta, 'deduplicated', 'jobId', kept, 'deduplicationId', dedup_id, 'deduplicatedJobId', dropped)
end
