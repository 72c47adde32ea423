"""The transport below an asyncio connection of redis-py, which is taken over from it."""

from __future__ import annotations

import asyncio
from typing import Any

__all__ = ["NoTransportError", "transport_of"]

_OF_TRANSPORTS = ("abort", "get_extra_info", "is_closing", "set_protocol", "write")
"""What is used of a transport: those of other event loops, such as uvloop's, are no subclasses of asyncio's."""


class NoTransportError(Exception):
    """What redis-py opened has no transport that could be taken over."""


def transport_of(socket: Any) -> asyncio.Transport:
    """Return the transport of a connection of redis-py.

    Raises:
        NoTransportError: it has none that we could take over.
    """
    transport: Any = getattr(getattr(socket, "_writer", None), "transport", None)
    if not hasattr(socket, "_reader") or not all(hasattr(transport, name) for name in _OF_TRANSPORTS):
        raise NoTransportError(type(socket).__name__)
    taken: asyncio.Transport = transport
    return taken
