"""What an answer depends on beside its address, as its header ``Vary`` tells caches."""

from __future__ import annotations

from flask import Response

__all__ = ["depends_on"]


def depends_on(response: Response, *names: str) -> None:
    """Add headers of the request that decide what the answer is, none of them added before.

    ``Response.vary`` reads the header into a set and writes it anew for each who adds to it: a tenth of the time in
    which an answer tells that there is nothing new.
    """
    told = response.headers.get("Vary")
    response.headers["Vary"] = ", ".join((told, *names) if told else names)
