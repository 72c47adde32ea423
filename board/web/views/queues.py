"""One queue, a state at a time."""

from flask import Response, make_response, redirect, request, url_for

from board.errors import BadRequestError
from board.queries.queue import LABELS, QueueAsked, most_urgent_state, read_queue
from board.web import render
from board.web.state import board, queue_or_404
from board.web.views.blueprints import queues

__all__ = ["show", "state"]


@queues.get("/q/<queue>")
def show(queue: str) -> Response:
    """Lead to the state of the queue that is most urgent."""
    urgent = most_urgent_state(board().connection, queue_or_404(queue))
    return make_response(redirect(url_for("queues.state", queue=queue, state=urgent), 303))


@queues.get("/q/<queue>/<state>")
def state(queue: str, state: str) -> Response:
    """Show the jobs of one state, and one job beside them."""
    keys, own, asked = queue_or_404(queue), board(), request.args
    if state not in LABELS:
        raise BadRequestError(f"There is no state {state[:40]!r}.")
    wish = QueueAsked(
        state=state,
        q=asked.get("q", ""),
        error=asked.get("error", ""),
        sort=asked.get("sort", ""),
        size=asked.get("size", 20, type=int),
        after=asked.get("after", ""),
        job=asked.get("job", ""),
        attempt=asked.get("attempt", type=int),
    )
    return render.page(
        "queues/queue.html", page=read_queue(own.connection, own.sources, keys, wish, now_ms=own.clock())
    )
