"""Answers to programs that watch the board: Prometheus at /metrics, balancers and pagers at /health/queues.

They show a token, ``Authorization: Bearer …``, that BOARD_MONITOR_TOKEN sets; without it there is none to show. Queue
names are nobody's business who has neither the token nor a sign-in. People who are signed in see /health/queues as far
as they see queues. They find a page at /metrics, not this.
"""

from __future__ import annotations

import hmac
import json

from flask import Flask, Response, make_response, request

from board import __version__
from board.engine.errors import StoreError
from board.queries.monitor import MonitorReading, health_body, problems_of, read_monitor
from board.service import SHARED_SECONDS, Service
from board.web.state import whole_board

__all__ = ["PATHS", "answer_queues", "install"]

METRICS, QUEUES = PATHS = ("/metrics", "/health/queues")


def install(app: Flask) -> None:
    """Answer those who show the token before anybody is asked to sign in."""
    app.before_request(_answer)


def answer_queues(own: Service) -> Response:
    """Say whether every queue keeps its limits: 200, or 503 with the reasons."""
    try:
        reading = _read(own)
    except StoreError as trouble:
        own.redis_failed(trouble)
        down = {"status": "down", "connection": own.settings.connection_label, "problems": [], "more_problems": 0}
        return _json(down, 503)
    problems = problems_of(reading, own.limits)
    return _json(health_body(reading, problems, own.settings.connection_label), 503 if problems else 200)


def _answer() -> Response | None:
    """Answer a program that shows a token; others go on to the guard of people."""
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    if request.path not in PATHS or kind.lower() != "bearer":
        return None
    own = whole_board()
    expected = own.settings.monitor_token
    if not expected or not hmac.compare_digest(expected.encode(), given.strip().encode("utf-8", "replace")):
        if request.path == QUEUES:
            return None  # it may be a token of another kind
        response = make_response("This token may not read the metrics: see BOARD_MONITOR_TOKEN.\n", 401)
        response.headers["WWW-Authenticate"] = "Bearer"
        response.mimetype = "text/plain"
        return response
    return answer_queues(own) if request.path == QUEUES else _answer_scraper(own)


def _answer_scraper(own: Service) -> Response:
    """Tell figures. Redis away is a figure too: a scrape that failed would look like a board that is down."""
    from board.queries.exposition import CONTENT_TYPE, expose  # noqa: PLC0415 - 1 MB that most boards never need

    reading: MonitorReading | None
    try:
        reading = _read(own)
        own.redis_answered()
    except StoreError as trouble:
        own.redis_failed(trouble)
        reading = None
    own.look_at_redis()
    response = make_response(expose(reading, own.facts, own.settings.connection_label, __version__))
    response.headers["Content-Type"] = CONTENT_TYPE
    return response


def _read(own: Service) -> MonitorReading:
    """Read through the shared readings: any number of scrapers cost Redis what one costs."""
    found = own.sources.list()

    def read() -> MonitorReading:
        return read_monitor(own.connection, found.queues, now_ms=own.clock(), is_complete=found.is_complete)

    return own.readings.get(("monitor", found), read, within=SHARED_SECONDS).value


def _json(body: dict[str, object], status: int) -> Response:
    response = make_response(json.dumps(body) + "\n", status)
    response.mimetype = "application/json"
    return response
