-- read_scores: the score of each of some members of a sorted set.
-- KEYS    set
-- ARGV    members msgpack
-- RETURNS the scores in the order asked for, each as Redis spells it, or nothing where it is no member
-- EVENTS  none
-- COST    O(members)
local scores = {}
for at, member in ipairs(cmsgpack.unpack(ARGV[1])) do
  scores[at] = redis.call("ZSCORE", KEYS[1], member)
end
return scores
