-- append_audit: add one entry to the audit log and chain it to the one before.
-- KEYS    audit stream
-- ARGV    longest int · entry json
-- RETURNS id of the entry
-- EVENTS  none
-- COST    O(1), plus the stream's trimming
local stream = KEYS[1]
local longest, entry = tonumber(ARGV[1]), ARGV[2]

local last = redis.call("XREVRANGE", stream, "+", "-", "COUNT", 1)[1]
local before = ""
if last then
  for at = 1, #last[2], 2 do
    if last[2][at] == "chain" then
      before = last[2][at + 1]
    end
  end
end
local chain = redis.sha1hex(before .. entry)
return redis.call("XADD", stream, "MAXLEN", "~", longest, "*", "entry", entry, "chain", chain, "before", before)
