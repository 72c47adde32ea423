-- publish_event: append an event of one's own to a queue's stream.
-- KEYS    events
-- ARGV    max_length int · fields msgpack
-- RETURNS the entry's id
-- EVENTS  the caller's
-- COST    O(1)
local events = KEYS[1]
local max_length, fields = tonumber(ARGV[1]), cmsgpack.unpack(ARGV[2])
return redis.call('XADD', events, 'MAXLEN', '~', max_length, '*', unpack(fields))
