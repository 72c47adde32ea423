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

    # Everything the reading depends on: the queues are those this person may see.
    is_opened, interval = not htmx.is_fragment(request), preferences().refresh or own.settings.live_seconds
    has_acted = _has_acted(own.clock(), interval)
    within = SHARED_SECONDS if is_opened or has_acted else interval
    reading = own.readings.get(("overview", found, window), read, fresh=is_opened and has_acted, within=within)
    return render.page(
        "overview/overview.html", page=_arranged(reading, own.settings.prefixes, found.is_complete), made=reading.made
    )


def _has_acted(now_ms: int, interval: int) -> bool:
    """Whether this person changed something within an interval of refreshes, perhaps in another process.

    This one may have read just before, and does not know of the action.
    """
    return bool(now_ms - session.get(ACTED, 0) < 1000 * interval)


def _arranged(reading: Shared[OverviewReading], prefixes: tuple[str, ...], is_complete: bool) -> OverviewPage:  # noqa: FBT001
    page, asked = request.args.get("page", 0, type=int), request.args.to_dict()
    q, only, sort = asked.get("q", "")[:200], asked.get("only", ""), asked.get("sort", "")
    by, within, pins = asked.get("by", ""), asked.get("in", "")[:200], preferences().pins

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
