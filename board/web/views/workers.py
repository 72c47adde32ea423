"""Workers: who is connected, what they do, and whose worker is gone."""

from flask import Response, request

from board.history.store import History
from board.queries.worker_list import read_workers
from board.web import render
from board.web.state import board, queue_or_404
from board.web.views.blueprints import workers

__all__ = ["index"]


@workers.get("/workers")
def index() -> Response:
    """Show the workers of all queues, or of one."""
    own, slug = board(), request.args.get("queue", "")
    queues = (queue_or_404(slug),) if slug else own.sources.list().queues
    page = read_workers(
        own.connection,
        own.sources,
        queues,
        now_ms=own.clock(),
        history=History(own.namespace),
        q=request.args.get("q", ""),
        by=request.args.get("by", ""),
        one_queue=bool(slug),
    )
    return render.page("workers/workers.html", page=page)
