"""What the real Node client left in Redis, and our engine doing the same."""
