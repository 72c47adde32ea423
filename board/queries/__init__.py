"""What the pages show: one function and one frozen dataclass a page, one round trip to Redis.

Nothing here writes, knows Flask or makes HTML. All text in these dataclasses is somebody else's and escaped only by
the templates; texts for display went through ``text.display``, ids and queue names are exactly as stored.
"""
