-- state_of: where a job is: {state, rank, total, score}; nil when no container holds it.
-- The rank counts from the next or the newest: finished jobs newest first, all others in the order they will run.
-- Long lists are searched 50,000 ids from either end, so that one look-up stays short however long they are; many
-- look-ups share `budget.left`, the ids that all of them may pass. A job not found like that is taken to be in the list.
-- @include try_read
local function state_of(base, job_id, budget)
  for _, state in ipairs({ 'completed', 'failed', 'delayed', 'prioritized', 'waiting-children' }) do
    local score = try_read('ZSCORE', base .. state, job_id)
    if score then
      local finished = state == 'completed' or state == 'failed'
      local rank = redis.call(finished and 'ZREVRANK' or 'ZRANK', base .. state, job_id)
      return { state, rank, redis.call('ZCARD', base .. state), score }
    end
  end
  local unsearched = false
  for _, list in ipairs({ 'active', 'wait', 'paused' }) do
    local state = list == 'wait' and 'waiting' or list
    local length = try_read('LLEN', base .. list) or 0
    if length > 0 then
      local reach = math.min(50000, budget and budget.left or 50000)
      local index = reach > 0 and redis.call('LPOS', base .. list, job_id, 'RANK', -1, 'MAXLEN', reach)
      if not index and reach > 0 and length > reach then
        index = redis.call('LPOS', base .. list, job_id, 'MAXLEN', reach)
      end
      if index then
        return { state, length - 1 - index, length, false }
      end
      if budget then
        budget.left = math.max(0, budget.left - math.min(length, 2 * reach))
      end
      if length > 2 * reach then
        unsearched = state
      end
    end
  end
  if unsearched and redis.call('EXISTS', base .. job_id) == 1 then
    return { unsearched, -1, -1, false }
  end
  return nil
end
