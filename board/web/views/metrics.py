"""What the recorder kept, over time."""

from __future__ import annotations

import csv
import io

from flask import Response, make_response, request

from board.history.store import History
from board.queries.metrics import MetricsPage, read_metrics
from board.web import render
from board.web.state import board, queue_or_404
from board.web.views.blueprints import metrics

__all__ = ["index", "of_queue"]


@metrics.get("/metrics")
def index() -> Response:
    """Show all queues, or one, over a window."""
    return _show(request.args.get("queue", ""))


@metrics.get("/q/<queue>/metrics")
def of_queue(queue: str) -> Response:
    """Show one queue over a window, and its jobs by name."""
    return _show(queue)


def _show(slug: str) -> Response:
    own, asked = board(), request.args
    page = read_metrics(
        own.connection,
        History(own.namespace),
        own.alerts,
        own.sources,
        own.sources.list().queues,
        now_ms=own.clock(),
        window=asked.get("w", "1h"),
        queue=queue_or_404(slug) if slug else None,
        sees_all=own.sources.limits() is None,
    )
    return _csv(page) if asked.get("format") == "csv" else render.page("metrics/metrics.html", page=page)


def _csv(page: MetricsPage) -> Response:
    """Write the table. A name that a spreadsheet would take for a formula gets an apostrophe."""
    file = io.StringIO()
    writer = csv.writer(file)
    spans = ("wait_p50_ms", "wait_p95_ms", "wait_p99_ms", "run_p50_ms", "run_p95_ms", "run_p99_ms")
    writer.writerow(("job_name" if page.queue else "queue", "finished", "failed", *spans))
    for row in page.rows:
        name = f"'{row.name}" if row.name.startswith(("=", "+", "-", "@", "\t", "\r")) else row.name
        writer.writerow((name, row.finished, row.failed, *("" if ms is None else round(ms) for ms in row.percentiles)))
    answer = make_response(file.getvalue())
    answer.mimetype = "text/csv"
    answer.headers["Content-Disposition"] = f"attachment; filename=metrics-{page.window.name}.csv"
    return answer
