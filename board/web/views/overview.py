"""The first page."""

from flask import Response, request

from board.history.store import History
from board.queries.overview import OverviewPage, read_overview
from board.web import htmx, render
from board.web.state import board, preferences
from board.web.views.blueprints import overview

__all__ = ["index"]


@overview.get("/")
def index() -> Response:
    """Show every queue and what needs attention."""
    own, asked = board(), request.args
    found = own.sources.list()
    q, only, sort = asked.get("q", "")[:200], asked.get("only", ""), asked.get("sort", "")

    by, within, page = asked.get("by", ""), asked.get("in", "")[:200], asked.get("page", 0, type=int)
    pins = preferences().pins

    def read() -> OverviewPage:
        return read_overview(
            own.connection,
            own.sources,
            found.queues,
            now_ms=own.clock(),
            q=q,
            only=only,
            sort=sort,
            is_complete=found.is_complete,
            prefixes=own.settings.prefixes,
            history=History(own.namespace),
            limits=own.sources.limits(),
            pins=pins,
            pausers=own.audit.pausers(),
            by=by,
            within=within,
            page=page,
        )

    # Everything the reading depends on; the queues are those this person may see. Whoever opens the page, perhaps
    # after an action, sees it as it is now.
    key = ("overview", found, q, only, sort, pins, by, within, page)
    reading = own.readings.get(key, read, fresh=not htmx.is_fragment(request))
    return render.page("overview/overview.html", page=reading.value, made=reading.made)
