"""One place that turns an exception into a status and a page, or the part of a page that htmx asked for.

What is told outside is a sentence and an id; stack traces, addresses and versions stay in the process log.
"""

from __future__ import annotations

import logging
from typing import Any

from flask import Flask, Response, g, make_response, render_template, request, url_for
from werkzeug.exceptions import HTTPException

from board import refusals
from board.audit import Entry
from board.engine.errors import JobError, JobNotFoundError, QueueStateError, SchedulerError, StoreError, UsageError
from board.errors import (
    BadRequestError,
    BoardError,
    CrossSiteError,
    ForbiddenError,
    ReadOnlyBoardError,
    TooManyError,
    UnknownAlertError,
    UnknownGroupError,
    UnknownJobError,
    UnknownQueueError,
    UnknownSchedulerError,
)
from board.web import htmx, login, programs
from board.web.problems import problem_of
from board.web.state import board
from board.words import sentence

__all__ = ["RETRY_SECONDS", "install"]

logger = logging.getLogger(__name__)

RETRY_SECONDS = 5
"""After how long a page about Redis trouble asks again by itself."""

STATUS: tuple[tuple[type[Exception], int], ...] = (
    (UnknownQueueError, 404),
    (UnknownAlertError, 404),
    (UnknownGroupError, 404),
    (UnknownJobError, 404),
    (UnknownSchedulerError, 404),
    (JobNotFoundError, 404),
    (ForbiddenError, 403),
    (ReadOnlyBoardError, 403),
    (CrossSiteError, 403),
    (TooManyError, 400),
    (BadRequestError, 400),
    (UsageError, 400),
    (JobError, 409),
    (SchedulerError, 409),
    (QueueStateError, 409),
)
"""The first line that fits counts."""

WORDS = {
    404: sentence("There is nothing at this address."),
    405: sentence("This address does not take that kind of request."),
    413: sentence("The form is larger than anything this board sends."),
}


def install(app: Flask) -> None:
    """Register the handlers."""
    app.register_error_handler(BoardError, _known)
    app.register_error_handler(JobError, _known)
    app.register_error_handler(QueueStateError, _known)
    app.register_error_handler(SchedulerError, _known)
    app.register_error_handler(UsageError, _known)
    app.register_error_handler(StoreError, _redis)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unforeseen)


def status_of(error: Exception) -> int:
    """Return the status that answers an error of ours."""
    return next((status for known, status in STATUS if isinstance(error, known)), 400)


def _known(error: Exception) -> Response:
    """Answer what the board or the engine refused."""
    status = status_of(error)
    if isinstance(error, CrossSiteError):
        _record_forgery(error)
    context: dict[str, Any] = {"message": refusals.of(error)}
    if isinstance(error, ForbiddenError):
        context["needed"] = error.needed
    if isinstance(error, UnknownJobError):
        context |= {
            "back_url": url_for("queues.show", queue=error.slug),
            "back_label": sentence("Back to %(name)s", name=error.queue),
            "gone": error,
        }
    elif isinstance(error, JobError) and request.view_args and "queue" in request.view_args:
        slug = request.view_args["queue"]
        context |= {
            "back_url": url_for("queues.show", queue=slug),
            "back_label": sentence("Back to %(name)s", name=error.queue or slug),
        }
    return _page(status, **context)


def _record_forgery(error: CrossSiteError) -> None:
    """Write a request down that another site may have made, or a page that is too old."""
    who = None if g.get("not_prepared") else login.asking()
    board().strangers.record(
        Entry(
            at_ms=board().clock(),
            who=who.name if who else "–",
            role=str(who.role) if who else "",
            address=request.remote_addr or "",
            action=f"forged request: {request.endpoint or request.path[:200]}",
            result="refused",
            detail=str(error),
            request_id=g.get("request_id", ""),
        )
    )


def _redis(trouble: Exception) -> Response:
    """Answer while Redis is away or refuses; the page asks again by itself."""
    own = board()
    if not isinstance(trouble, StoreError):  # registered for StoreError alone
        raise trouble
    own.redis_failed(trouble)
    age_ms = None if own.answered_at_ms is None else own.clock() - own.answered_at_ms
    problem = problem_of(trouble, since_ms=own.trouble_since_ms, age_ms=age_ms)
    if problem.kind == "broken":
        logger.error("Redis refused a script", exc_info=trouble, extra={"request_id": g.request_id})
    if programs.is_program():
        response = programs.failure(503, "Redis is away or refuses. Nothing is known of what was asked.")
        response.headers["Retry-After"] = str(RETRY_SECONDS)
        return response
    template = "partials/_redis_note.html" if htmx.is_fragment(request) else "errors/redis.html"
    response = make_response(render_template(template, problem=problem), 503)
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    if request.method == "GET" and not htmx.is_htmx(request):
        response.headers["Refresh"] = str(RETRY_SECONDS)
    return htmx.vary(response)


def _http(error: HTTPException) -> Response:
    """Answer what routing and form parsing refused. Redirects pass."""
    if error.code is None or error.code < 400:
        return make_response(error.get_response())
    if error.code >= 500:
        return _broken()
    response = _page(error.code, message=_words(error))
    for name, value in error.get_response().headers:
        if name in {"Allow", "WWW-Authenticate"}:
            response.headers[name] = value
    return response


def _words(error: HTTPException) -> str:
    if error.code == 401 and error.description:
        return error.description
    return WORDS.get(error.code or 400, sentence("The request was not understood."))


def _unforeseen(error: Exception) -> Response:
    """Answer a bug of ours: the id finds its stack trace in the process log."""
    logger.error("unforeseen error", exc_info=error, extra={"request_id": g.get("request_id"), "path": request.path})
    return _broken()


def _broken() -> Response:
    """Say that something broke, even when it is the templates."""
    if programs.is_program():
        return programs.failure(500, "Something broke in Queue Board. Its log has more under this request's id.")
    try:
        return make_response(render_template("errors/500.html"), 500)
    except Exception:  # the last page there is: nothing may come out of it but an answer
        logger.exception("the page for errors is broken", extra={"request_id": g.get("request_id")})
        response = make_response(f"Something broke in Queue Board. Its log has more: {g.get('request_id', '')}\n", 500)
        response.mimetype = "text/plain"
        return response


def _page(code: int, **context: Any) -> Response:
    if programs.is_program():
        return programs.failure(code, context["message"])
    template = {403: "errors/403.html", 404: "errors/404.html"}.get(code, "errors/400.html")
    if code == 403 and "needed" not in context:
        template = "errors/400.html"
    layout = "live.html" if htmx.is_fragment(request) else "layout.html"
    return htmx.vary(make_response(render_template(template, **{**context, "layout": layout, "status": code}), code))
