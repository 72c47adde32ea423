-- add_iteration: create the job of one scheduler run; its options are completed here because only now its moment is known.
-- @include store_job
-- @include route_job
local function add_iteration(base, meta, run)
  local job_id = 'repeat:' .. run.scheduler .. ':' .. string.format('%.0f', run.at)
  local delay = math.max(0, run.at - run.now)
  local opts = run.opts
  opts.jobId = job_id
  opts.delay = delay
  opts.timestamp = run.now
  opts.repeatJobKey = run.scheduler
  opts['repeat'] = run.rule
  if run.rule.pattern then
    opts.prevMillis = run.at
  end
  local job = {
    name = run.name,
    data = run.data,
    opts = cjson.encode(opts),
    timestamp = run.now,
    delay = delay,
    priority = tonumber(opts.priority) or 0,
    lifo = opts.lifo == true,
    scheduler = run.scheduler,
    dedup = type(opts.de) == 'table' and opts.de or nil,
  }
  store_job(base, job_id, job)
  route_job(base, meta, job_id, job)
  return job_id, delay
end
