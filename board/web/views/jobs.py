"""One job."""

from flask import Response, request

from board.queries.job import read_job
from board.web import render
from board.web.state import board, queue_or_404
from board.web.views.blueprints import jobs

__all__ = ["show"]


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
    )
    return render.page("jobs/job.html", page=page)
