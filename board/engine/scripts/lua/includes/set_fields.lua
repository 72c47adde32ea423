-- set_fields: write the pairs of a flat array to a job's hash, if there are any.
local function set_fields(key, pairs_list)
  if #pairs_list > 0 then
    redis.call('HSET', key, unpack(pairs_list))
  end
end
