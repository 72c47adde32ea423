"""The palette as a page: jobs by id, queues and pages by name, actions on the queue that one comes from."""

import re

from flask import Response, current_app, request

from board.errors import UnknownQueueError
from board.queries.find import read_find
from board.web import render
from board.web.state import board
from board.web.views.blueprints import find

__all__ = ["index"]

PAGES = (
    ("Overview", "overview.index", "overview"),
    ("Failures", "failures.index", "failures"),
    ("Flows", "flows.index", "flows"),
    ("Schedulers", "schedulers.index", "schedulers"),
    ("Workers", "workers.index", "workers"),
    ("Metrics", "metrics.index", "metrics"),
    ("Health", "health.index", "health"),
    ("Alerts", "alerts.index", "alerts"),
    ("Audit log", "audit.index", "audit"),
    ("Settings", "settings.index", "settings"),
)


@find.get("/find")
def index() -> Response:
    """Show what is found. ``at`` is the path of the page that the palette was opened on."""
    own, q = board(), request.args.get("q", "").strip()
    found = own.sources.list()
    spelled = re.search(r"/q/([^/?#]+)", request.args.get("at", "")[:2_000])
    try:
        here = own.sources.find(spelled.group(1)) if spelled else None
    except UnknownQueueError:
        here = None
    pages = [one for one in PAGES if one[1] in current_app.view_functions and q.casefold() in one[0].casefold()]
    page = read_find(own.connection, own.sources, found.queues, q=q, here=here)
    return render.page("find/find.html", page=page, pages=pages)
