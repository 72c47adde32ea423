-- next_slot: when a scheduler with a fixed interval runs next, and its place in the grid.
-- Without a previous run that is now, or the start date, or the next grid point of its offset. After missed runs it is the
-- next grid point ahead.
local function next_slot(meta, every, previous, now, offset, start_date)
  local slot
  if not previous then
    if start_date then
      slot = math.max(start_date, now)
    elseif offset > 0 and not meta.legacy then
      slot = math.floor(now / every) * every + offset
      if slot <= now then
        slot = slot + every
      end
    else
      slot = now
    end
  else
    slot = previous + every
    if slot < now then
      local grid = math.floor(now / every) * every + offset
      if meta.legacy or grid <= now then
        grid = grid + every
      end
      slot = grid
    end
  end
  if offset == 0 then
    offset = slot - math.floor(slot / every) * every
  end
  return slot, offset
end
