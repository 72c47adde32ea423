"""The first page."""

from flask import Response, request

from board.queries.overview import read_overview
from board.web import render
from board.web.state import board
from board.web.views.blueprints import overview

__all__ = ["index"]


@overview.get("/")
def index() -> Response:
    """Show every queue and what needs attention."""
    own, asked = board(), request.args
    found = own.sources.list()
    page = read_overview(
        own.connection,
        own.sources,
        found.queues,
        now_ms=own.clock(),
        q=asked.get("q", "")[:200],
        only=asked.get("only", ""),
        sort=asked.get("sort", ""),
        is_complete=found.is_complete,
        prefixes=own.settings.prefixes,
    )
    return render.page("overview/overview.html", page=page)
