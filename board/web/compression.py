"""Compress what is sent, for browsers that take it.

A compressed page tells by its length whether a guess repeats something in it. So nothing secret may stand in a page
twice the same: form tokens are masked anew in each answer (``board.web.security``), and another site can only lead a
browser to a page with its cookie by opening it in full view, never from within a page of its own (``SameSite``).
"""

from __future__ import annotations

import zlib
from typing import Final

from flask import Request, Response

from board.web.varying import depends_on

__all__ = ["BEST", "compress", "gzip", "is_accepted"]

BEST: Final = 9
"""For what is compressed once and sent often."""

QUICK: Final = 5
"""For pages: less time than 6 takes, for a few per cent more. In half the time of 5, 3 makes a long page a tenth to a
quarter larger."""

WORTH_IT: Final = 1_024
"""Bytes below which an answer fits into one packet anyway."""

_GZIP_WINDOW: Final = 31
"""Tells zlib to write gzip's header, with the largest window."""


def gzip(content: bytes, level: int) -> bytes:
    """Compress; the same bytes always give the same result, for the header holds no time."""
    packer = zlib.compressobj(level, zlib.DEFLATED, _GZIP_WINDOW)
    return packer.compress(content) + packer.flush()


def is_accepted(request: Request) -> bool:
    """Whether the browser takes gzip."""
    return "gzip" in request.headers.get("Accept-Encoding", "") and request.accept_encodings["gzip"] > 0


def compress(request: Request, response: Response) -> Response:
    """Compress a page. Files come compressed already; what is streamed is left alone."""
    if response.mimetype != "text/html" or response.is_streamed or "Content-Encoding" in response.headers:
        return response
    depends_on(response, "Accept-Encoding")
    content = response.get_data()
    if len(content) >= WORTH_IT and is_accepted(request):
        response.set_data(gzip(content, QUICK))
        response.headers["Content-Encoding"] = "gzip"
    return response
