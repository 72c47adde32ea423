-- read_field: one field of a job's hash, whole, beside its name.
-- KEYS    job
-- ARGV    field str · most int
-- RETURNS {type of the key, name or nil, bytes of the field, its text; false when it is absent or longer than most}
-- EVENTS  none
-- COST    O(1), and the copy of the field: at most `most` bytes; writes nothing
local job = KEYS[1]
local field, most = unpack(ARGV)
most = tonumber(most)
local kind = redis.call('TYPE', job).ok
if kind ~= 'hash' then
  return { kind, false, 0, false }
end
local name = redis.call('HGET', job, 'name')
local length = redis.call('HSTRLEN', job, field)
local text = length <= most and redis.call('HGET', job, field)
return { kind, name and string.sub(name, 1, 300), length, text }
