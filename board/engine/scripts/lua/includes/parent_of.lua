-- parent_of: where a job's parent lives: {key, base, id, policy}, or nil for a job without one.
-- The policy is one of fpof, cpof, idof, rdof or nil; the `parent` field is trusted before the key is split. A key that
-- cannot be split and a field that makes no sense name no parent.
-- @include split_key
local function parent_of(parent_key, parent_json)
  if not parent_key or parent_key == '' then
    return nil
  end
  local base, job_id = split_key(parent_key)
  local policy = nil
  local ok, parent = pcall(cjson.decode, parent_json or '')
  if ok and type(parent) == 'table' then
    if parent.id and type(parent.queueKey) == 'string' then
      base, job_id = parent.queueKey .. ':', tostring(parent.id)
    end
    for _, name in ipairs({ 'fpof', 'cpof', 'idof', 'rdof' }) do
      if parent[name] and not policy then
        policy = name
      end
    end
  end
  if not base then
    return nil
  end
  return { key = parent_key, base = base, id = job_id, policy = policy }
end
