"""Sends what ``engine.calls`` describes; the only package that imports redis-py.

``sync`` and ``aio`` hold the sockets; everything that both must agree on is beside them and does no I/O: ``address``
reads URLs, ``exchange`` turns calls into commands and replies into results, ``failures`` turns redis-py's exceptions
into ours.
"""
