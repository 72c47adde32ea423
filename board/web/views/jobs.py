"""One job."""

from flask import Response, request

from board.actions.reveal import reveal as show_secrets
from board.auth.policy import Permission
from board.queries.job import JobPage, read_job
from board.queries.log_page import LogsAsked, read_logs
from board.queries.value import read_value, read_whole
from board.web import render
from board.web.state import actor, board, insist, queue_or_404
from board.web.views.blueprints import jobs

__all__ = ["logs", "reveal", "save", "show", "value"]


@jobs.get("/q/<queue>/job/<job_id:job_id>")
def show(queue: str, job_id: str) -> Response:
    """Show everything about one job."""
    keys, own, asked = queue_or_404(queue), board(), request.args
    page = read_job(
        own.connection,
        own.sources,
        keys,
        job_id,
        now_ms=own.clock(),
        attempt=asked.get("attempt", type=int),
        logs_from=asked.get("logs", type=int),
        diff=asked.get("diff", ""),
        groups=own.groups,
    )
    return render.page("jobs/job.html", page=page)


@jobs.get("/q/<queue>/job/<job_id:job_id>/value")
def value(queue: str, job_id: str) -> Response:
    """Show a part of what a job carries or returned, or where a text is in it."""
    keys, own, asked = queue_or_404(queue), board(), request.args
    insist(Permission.DATA, keys, action="read data")
    page = read_value(
        own.connection,
        own.sources,
        keys,
        job_id,
        asked.get("field", "data"),
        at=asked.get("at", ""),
        start=max(0, asked.get("from", 0, type=int)),
        find=asked.get("find", "").strip()[:200],
    )
    return render.page("jobs/value.html", page=page)


@jobs.get("/q/<queue>/job/<job_id:job_id>/logs")
def logs(queue: str, job_id: str) -> Response:
    """Show a stretch of a job's log, or the lines of it that hold a text or are of a level."""
    keys, own, asked = queue_or_404(queue), board(), request.args
    insist(Permission.DATA, keys, action="read data")
    wish = LogsAsked(
        start=asked.get("from", type=int), find=asked.get("find", "").strip()[:200], level=asked.get("level", "")
    )
    page = read_logs(own.connection, own.sources, keys, job_id, wish)
    return render.page("jobs/logs.html", page=page)


@jobs.get("/q/<queue>/job/<job_id:job_id>/save")
def save(queue: str, job_id: str) -> Response:
    """Send all of what a job carries or returned as a file, without its secrets."""
    keys, own, field = queue_or_404(queue), board(), request.args.get("field", "data")
    insist(Permission.DATA, keys, action="read data")
    whole = read_whole(own.connection, own.sources, keys, job_id, field)
    kind, ending = ("application/json", "json") if whole.is_json else ("text/plain; charset=utf-8", "txt")
    response = Response(whole.text.encode("utf-8", "replace"), content_type=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="{field}.{ending}"'
    return response


@jobs.post("/q/<queue>/job/<job_id:job_id>/reveal")
def reveal(queue: str, job_id: str) -> Response:
    """Show one job with its hidden values, once, to somebody who may see them."""
    keys, own = queue_or_404(queue), board()

    def read() -> JobPage:
        return read_job(own.connection, own.sources, keys, job_id, now_ms=own.clock())

    page = show_secrets(own.desk, actor(), keys, job_id, read)
    return render.page("jobs/job.html", page=page, is_revealed=True)
