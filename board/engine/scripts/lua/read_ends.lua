-- read_ends: what jobs that ended say about themselves: name, times, and for failed ones the newest stack trace.
-- KEYS    base
-- ARGV    ids msgpack · traced msgpack · most int
-- RETURNS for each id {name, timestamp, delay, processedOn, finishedOn, failedReason, trace}, or nothing for one that is gone
-- EVENTS  none
-- COST    O(ids + bytes of their traces, none of them above 256 KB)
-- DERIVED the hash of each job
local base = KEYS[1]
local ids, traced, most = cmsgpack.unpack(ARGV[1]), cmsgpack.unpack(ARGV[2]), tonumber(ARGV[3])

local function newest_trace(key)
  if redis.call('HSTRLEN', key, 'stacktrace') > 262144 then
    return ''
  end
  local ok, entries = pcall(cjson.decode, redis.call('HGET', key, 'stacktrace') or '')
  local newest = ok and type(entries) == 'table' and entries[#entries] or ''
  return type(newest) == 'string' and string.sub(newest, 1, most) or ''
end

local ends = {}
for i, id in ipairs(ids) do
  local key = base .. id
  local kind = redis.call('TYPE', key)
  if (kind.ok or kind) ~= 'hash' then
    ends[i] = false
  else
    local fields = redis.call('HMGET', key, 'name', 'timestamp', 'delay', 'processedOn', 'finishedOn', 'failedReason')
    for at = 1, 6 do
      fields[at] = fields[at] and string.sub(fields[at], 1, most) or ''
    end
    fields[7] = traced[i] and newest_trace(key) or ''
    ends[i] = fields
  end
end
return ends
