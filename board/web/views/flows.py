"""Flows: trees of jobs."""

from flask import Response, request

from board.queries.flow import read_children, read_flow, read_flows
from board.web import render
from board.web.state import board, queue_or_404
from board.web.views.blueprints import flows

__all__ = ["children", "index", "show"]


@flows.get("/flows")
def index() -> Response:
    """Show the parents that wait for children, over all queues."""
    own, asked = board(), request.args
    page = read_flows(
        own.connection,
        own.sources,
        own.sources.list().queues,
        now_ms=own.clock(),
        q=asked.get("q", ""),
        size=asked.get("size", 20, type=int),
        after=asked.get("after", ""),
    )
    return render.page("flows/flows.html", page=page)


@flows.get("/flows/<queue>/<job_id:job_id>")
def show(queue: str, job_id: str) -> Response:
    """Show the flow that a job belongs to, from its root down."""
    keys, own = queue_or_404(queue), board()
    asked = request.args
    page = read_flow(
        own.connection,
        own.sources,
        keys,
        job_id,
        now_ms=own.clock(),
        view=asked.get("view", "all"),
        q=asked.get("q", ""),
    )
    return render.page("flows/flow.html", page=page)


@flows.get("/flows/<queue>/<job_id:job_id>/children")
def children(queue: str, job_id: str) -> Response:
    """Show the children of one job, a hundred at a time, failed ones first."""
    keys, own = queue_or_404(queue), board()
    start = request.args.get("from", 0, type=int)
    page = read_children(own.connection, own.sources, keys, job_id, now_ms=own.clock(), start=start)
    return render.page("flows/children.html", page=page)
