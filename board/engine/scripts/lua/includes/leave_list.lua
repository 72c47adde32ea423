-- leave_list: take an id out of a list; whether it was there. Lists are long at times, and what is removed was mostly added
-- last or waits longest, so the first thousand are searched from the head, and then all from the tail.
local function leave_list(list, job_id)
  local from = redis.call('LPOS', list, job_id, 'MAXLEN', 1000) and 1 or -1
  return redis.call('LREM', list, from, job_id) > 0
end
