-- leave_pending: take the jobs out of `active` that `leave_active` struck out of `meta.tail`: the list is cut before the first
-- of them, and those behind it that stay are put back. From here on the run does without the list's end.
local function leave_pending(base, meta)
  local tail, first = meta.tail, meta.first_left
  meta.tail = false
  if not first then
    return
  end
  local stay = {}
  for i = first, meta.tail_end do
    if tail[i] then
      stay[#stay + 1] = tail[i]
    end
  end
  redis.call('LTRIM', base .. 'active', '0', string.format('-%d', #tail - first + 2))
  if #stay > 0 then
    redis.call('RPUSH', base .. 'active', unpack(stay))
  end
end
