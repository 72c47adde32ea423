-- child_counts: how the children of a job stand: {processed, unprocessed, ignored, failed}; all 0 for a job without any.
-- @include try_read
local function child_counts(key)
  return {
    try_read('HLEN', key .. ':processed') or 0,
    try_read('SCARD', key .. ':dependencies') or 0,
    try_read('HLEN', key .. ':failed') or 0,
    try_read('ZCARD', key .. ':unsuccessful') or 0,
  }
end
