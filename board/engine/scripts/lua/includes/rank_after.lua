-- rank_after: the rank at which a sorted set's page goes on after a member, also when that member has left meanwhile.
-- Of members with the very same score at most 1,000 are looked at.
-- @include is_before
local function rank_after(key, score, member, newest_first)
  if redis.call('ZSCORE', key, member) == score then
    return redis.call(newest_first and 'ZREVRANK' or 'ZRANK', key, member) + 1
  end
  local rank, tied
  if newest_first then
    rank = redis.call('ZCOUNT', key, '(' .. score, '+inf')
    tied = redis.call('ZREVRANGEBYSCORE', key, score, score, 'LIMIT', 0, 1000)
  else
    rank = redis.call('ZCOUNT', key, '-inf', '(' .. score)
    tied = redis.call('ZRANGEBYSCORE', key, score, score, 'LIMIT', 0, 1000)
  end
  for _, other in ipairs(tied) do
    if newest_first and is_before(member, other) or not newest_first and is_before(other, member) then
      rank = rank + 1
    end
  end
  return rank
end
