"""Failures of all queues."""

from flask import Response, request

from board.queries.failures import FailuresAsked, read_failures
from board.web import render
from board.web.state import board, queue_or_404
from board.web.views.blueprints import failures

__all__ = ["index"]


@failures.get("/failures")
def index() -> Response:
    """Show the failed jobs of all queues, or of one, newest first."""
    own, asked = board(), request.args
    wish = FailuresAsked(
        q=asked.get("q", ""),
        queue=asked.get("queue", ""),
        error=asked.get("error", ""),
        size=asked.get("size", 20, type=int),
        after=asked.get("after", ""),
    )
    queues = (queue_or_404(wish.queue),) if wish.queue else own.sources.list().queues
    page = read_failures(own.connection, own.sources, queues, wish, now_ms=own.clock())
    return render.page("failures/failures.html", page=page)
