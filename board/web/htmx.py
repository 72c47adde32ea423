"""The only file that spells an HX- header.

htmx 4 names what a request wants to replace in ``HX-Target`` as ``tag#id``, and reads ``HX-Redirect`` from any answer.
htmx-flask tells a htmx request from a page request; its other helpers speak htmx 2.
"""

from __future__ import annotations

from flask import Request, Response

from board.web.varying import depends_on

__all__ = ["is_fragment", "is_htmx", "kept_of", "redirect_browser", "vary"]

LIVE_TARGET = "div#live"


def is_htmx(request: Request) -> bool:
    """Whether htmx asks, so that the answer is not shown as a page of its own."""
    return bool(getattr(request, "htmx", False))


def is_fragment(request: Request) -> bool:
    """Whether the answer replaces the live region of a page. Going back in history wants the whole page."""
    if not is_htmx(request):
        return False
    headers = request.headers
    return headers.get("HX-Target") == LIVE_TARGET and headers.get("HX-History-Restore-Request") != "true"


def kept_of(request: Request) -> str:
    """Return which part of the page the browser has and keeps, see ``board.web.refreshing``; empty for none."""
    return request.headers.get("Board-Kept", "") if is_fragment(request) else ""


def redirect_browser(response: Response, location: str) -> Response:
    """Make htmx leave the page instead of putting the answer into it."""
    response.headers["HX-Redirect"] = location
    return response


def vary(response: Response) -> Response:
    """Tell caches what the answer depends on."""
    depends_on(response, "HX-Request", "HX-Target", "Board-Kept", "Cookie")
    return response
