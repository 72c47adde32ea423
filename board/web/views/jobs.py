"""One job."""

from flask import Response, request

from board.actions.reveal import reveal as show_secrets
from board.queries.job import JobPage, read_job
from board.web import render
from board.web.state import actor, board, queue_or_404
from board.web.views.blueprints import jobs

__all__ = ["reveal", "show"]


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
    )
    return render.page("jobs/job.html", page=page)


@jobs.post("/q/<queue>/job/<job_id:job_id>/reveal")
def reveal(queue: str, job_id: str) -> Response:
    """Show one job with its hidden values, once, to somebody who may see them."""
    keys, own = queue_or_404(queue), board()

    def read() -> JobPage:
        return read_job(own.connection, own.sources, keys, job_id, now_ms=own.clock())

    page = show_secrets(own.desk, actor(), keys, job_id, read)
    return render.page("jobs/job.html", page=page, is_revealed=True)
