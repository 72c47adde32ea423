"""The first page."""

from flask import Response, request, session

from board.history.store import History
from board.history.windows import WINDOWS
from board.queries.arranging import OverviewPage, arrange
from board.queries.overview import OverviewReading, read_overview
from board.service import SHARED_SECONDS
from board.sharing import Shared
from board.web import htmx, render
from board.web.state import ACTED, board, preferences
from board.web.views.blueprints import overview

__all__ = ["index"]

MOST_ARRANGED = 8
"""Arrangements kept of one shared reading: one for each person and address that asks within its time."""


@overview.get("/")
def index() -> Response:
    """Show every queue and what needs attention."""
    own = board()
    found = own.sources.list()
    window = WINDOWS.get(request.args.get("w", ""))

    def read() -> OverviewReading:
        return read_overview(
            own.connection,
            own.sources,
            found.queues,
            now_ms=own.clock(),
            history=History(own.namespace),
            limits=own.sources.limits(),
            pausers=own.audit.pausers(),
            window=window,
            windows=own.windows,
            alerts=own.alerts,
        )

    # Everything the reading depends on: the queues are those this person may see. Whoever opens the page, perhaps
    # after an action, sees it as it is now.
    fresh = not htmx.is_fragment(request)
    reading = own.readings.get(("overview", found, window), read, fresh=fresh, within=_patience())
    return render.page("overview/overview.html", page=_arranged(reading, found.is_complete), made=reading.made)


def _patience() -> float | None:
    """Return how old an answer may be, seconds: an interval of this person's refreshes, and less after they acted.

    Another process may have read just before, and does not know of the action.
    """
    own = board()
    interval = preferences().refresh or own.settings.live_seconds
    return SHARED_SECONDS if own.clock() - session.get(ACTED, 0) < 1000 * interval else interval


def _arranged(reading: Shared[OverviewReading], is_complete: bool) -> OverviewPage:  # noqa: FBT001
    asked = request.args
    q, only, sort = asked.get("q", "")[:200], asked.get("only", ""), asked.get("sort", "")
    by, within, page = asked.get("by", ""), asked.get("in", "")[:200], asked.get("page", 0, type=int)
    pins, prefixes = preferences().pins, board().settings.prefixes

    def arranged() -> OverviewPage:
        return arrange(
            reading.value,
            q=q,
            only=only,
            sort=sort,
            is_complete=is_complete,
            prefixes=prefixes,
            pins=pins,
            by=by,
            within=within,
            page=page,
        )

    return reading.derive(("arranged", q, only, sort, pins, by, within, page), arranged, MOST_ARRANGED)
