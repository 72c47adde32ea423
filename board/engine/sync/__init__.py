"""The blocking front, for threads."""
