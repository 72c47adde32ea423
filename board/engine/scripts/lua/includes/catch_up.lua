-- catch_up: do what the jobs of a run put off for one another.
-- @include leave_pending
-- @include put_pending
-- @include drop_pending
local function catch_up(base, meta)
  if meta.tail then
    leave_pending(base, meta)
  end
  put_pending(base, meta)
  drop_pending(base, meta)
end
