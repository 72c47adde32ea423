-- catch_up: do what the ends of a run put off for one another.
-- @include put_pending
-- @include drop_pending
local function catch_up(base, meta)
  put_pending(base, meta)
  drop_pending(base, meta)
end
