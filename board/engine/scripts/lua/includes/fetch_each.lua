-- fetch_each: fetch_next for those of several items, now · _ · token · _ · _ · taker, whose result is 0 and that have a taker.
-- Returns the results with what each got; they stay 0 where there was nothing.
-- What waits for them is taken together, unless the queue is paused or starts are counted. Whoever gets none of it, or an id
-- that leads nowhere, takes alone.
-- @include fetch_next
-- @include promote_due
-- @include take_together
-- @include read_taken
-- @include activate_job
-- @include run_each
local function fetch_each(base, meta, items, results, apart)
  local ids, turn, taken = nil, 0, 0

  local function take_ahead()
    if meta.paused or meta.limit_max then
      return {}
    end
    local latest, seen, count = 0, nil, 0
    for i = 1, #items do
      local now, taker = items[i][1], items[i][6]
      if taker and results[i] == 0 then
        if taker[2] then
          return {}
        end
        if now ~= seen then
          latest, seen = math.max(latest, tonumber(now)), now
        end
        count = count + 1
      end
    end
    if meta.concurrency then
      count = math.min(count, math.ceil(meta.concurrency - redis.call('LLEN', base .. 'active')))
    end
    if count < 2 then
      return {}
    end
    promote_due(base, meta, latest)
    return take_together(base, count)
  end

  local function fetch_one(_, _, item)
    turn = turn + 1
    local taker = item[6]
    if not taker or results[turn] ~= 0 then
      return results[turn]
    end
    if not ids then
      ids = {}
      ids = take_ahead()
    end
    taken = taken + 1
    local job_id = ids[taken]
    if job_id then
      if string.sub(job_id, 1, 2) ~= '0:' then
        local stored, is_new = read_taken(base .. job_id)
        if #stored > 0 then
          return activate_job(base, meta, job_id, stored, is_new, item[1], item[3], taker[1], taker[4])
        end
      end
      redis.call('LREM', base .. 'active', '1', job_id)
    end
    return fetch_next(base, meta, item[1], item[3], taker) or 0
  end

  return run_each(base, meta, items, apart, fetch_one)
end
