"""A span for each request, where OpenTelemetry is installed and the program has set its SDK up; nothing without it.

Spans are named by the route's template, such as ``GET /q/<queue>/<state>``, never by the address, which may carry names
and ids; what is told of Redis is how often it was asked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, g, request

__all__ = ["install"]


def install(app: Flask, asked: Callable[[], int]) -> None:
    """Register the hooks, if there is anything to tell.

    Args:
        app: whose requests are told.
        asked: how often this thread has asked Redis so far.
    """
    try:
        from opentelemetry import trace  # noqa: PLC0415 - an extra
    except ImportError:
        return
    tracer = trace.get_tracer("queue-board")

    def begin() -> None:
        rule, method = request.url_rule, request.method
        route = rule.rule if rule else "unknown"
        attributes = {"http.request.method": method, "http.route": route}
        span = tracer.start_span(f"{method} {route}", kind=trace.SpanKind.SERVER, attributes=attributes)
        if span.is_recording():  # else nobody is told of it, and it needs no end
            g.span, g.asked_before = span, asked()

    def note(response: Response) -> Response:
        span: Any = g.get("span")
        if span is not None:
            span.set_attribute("http.response.status_code", response.status_code)
            span.set_attribute("queue_board.redis.round_trips", asked() - g.asked_before)
        return response

    def end(_error: BaseException | None) -> None:
        span: Any = g.pop("span", None)
        if span is not None:
            span.end()

    app.before_request(begin)
    app.after_request(note)
    app.teardown_request(end)
