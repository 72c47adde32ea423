"""Every call that the board itself makes to a place on the network other than Redis.

``rules`` says which places those are: an allow-list, compared whole. ``calls`` makes the call: it resolves the name
once, checks the address, and connects to that very address, within a bounded time and for a bounded answer. Nothing
else in the board imports a client for HTTP; ``tests/security/test_imports.py`` sees to it.
"""
