"""Whether the process lives, and whether it can serve: for load balancers and containers, without a sign-in.

Both answer a word and no detail: versions, addresses and queues are nobody's business who has not signed in.
"""

from flask import Response, make_response

from board.doctor import Verdict, examine
from board.doctor.queues import MOST_QUEUES
from board.engine.errors import StoreError
from board.service import SHARED_SECONDS
from board.web import render
from board.web.monitor import answer_queues
from board.web.state import board
from board.web.views.blueprints import health

__all__ = ["index", "live", "queues", "ready"]


@health.get("/healthz")
def live() -> Response:
    """Say that the process answers, whatever Redis does: restarting the board mends no Redis."""
    return _plain("ok", 200)


@health.get("/readyz")
def ready() -> Response:
    """Say whether Redis answers, so that a balancer sends people to a board that can show something."""
    try:
        board().ping()
    except StoreError:
        return _plain("Redis does not answer", 503)
    return _plain("ready", 200)


@health.get("/health")
def index() -> Response:
    """Show the production checklist, checked now: what is wrong first."""
    own = board()
    found = own.sources.list()
    findings = own.readings.get(("health", found), lambda: tuple(examine(own)), within=SHARED_SECONDS).value
    order = (Verdict.FAILURE, Verdict.WARNING, Verdict.OK)
    groups = [(verdict.value, [one for one in findings if one.verdict is verdict]) for verdict in order]
    return render.page("health/health.html", groups=groups, queue_count=len(found.queues), most_sampled=MOST_QUEUES)


@health.get("/health/queues")
def queues() -> Response:
    """Say whether the queues that the person who asks may see keep their limits; programs show a token instead."""
    return answer_queues(board())


def _plain(text: str, status: int) -> Response:
    response = make_response(f"{text}\n", status)
    response.mimetype = "text/plain"
    return response
