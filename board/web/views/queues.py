"""One queue, a state at a time."""

from itertools import chain

from flask import Response, make_response, redirect, request, url_for

from board.actions.perform import MOST_JOBS, record
from board.audit import Entry
from board.errors import BadRequestError, TooManyError
from board.history.store import History
from board.queries.export import FORMATS, export_lines
from board.queries.queue import BLIND, CARRIED, LABELS, QueueAsked, most_urgent_state, read_queue
from board.queries.search import parse
from board.web import render
from board.web.state import actor, board, queue_or_404
from board.web.views.blueprints import queues

__all__ = ["export", "jump", "show", "state"]


@queues.get("/q/<queue>")
def show(queue: str) -> Response:
    """Lead to the state of the queue that is most urgent."""
    urgent = most_urgent_state(board().connection, queue_or_404(queue))
    return make_response(redirect(url_for("queues.state", queue=queue, state=urgent), 303))


@queues.post("/q/<queue>/<state>/export")
def export(queue: str, state: str) -> Response:
    """Send the jobs that were ticked, or all that match, as a file; that somebody took them along is recorded."""
    keys, own, form = queue_or_404(queue), board(), request.form
    kind, ids = form.get("format", "ndjson"), form.getlist("id")
    if state not in LABELS:
        raise BadRequestError(f"There is no state {state[:40]!r}.")
    if kind not in FORMATS:
        raise BadRequestError(f"There is no format {kind[:40]!r}: choose {', '.join(FORMATS)}.")
    if len(ids) > MOST_JOBS:
        raise TooManyError(len(ids), MOST_JOBS)
    wish = parse(form.get("q", ""))
    if not own.sources.shows_data(keys) and any(term.field in CARRIED for term in wish.terms):
        raise BadRequestError(BLIND)
    lines = export_lines(own.connection, own.sources, keys, state, wish, kind=kind, now_ms=own.clock(), ids=ids)
    first = next(lines, b"")  # trouble is told now, not within the file
    what = f"{len(ids)} ticked" if ids else wish.text or "all"
    who = actor()
    taken = Entry(
        at_ms=own.clock(),
        who=who.identity.name,
        role=str(who.identity.role),
        address=who.address,
        action="export jobs",
        result="done",
        prefix=keys.prefix,
        queue=keys.name,
        ids=tuple(ids),
        count=len(ids),
        detail=f"{kind}, {state}: {what}",
        request_id=who.request_id,
    )
    record(own.desk, taken)
    response = Response(chain([first], lines), mimetype=FORMATS[kind])
    response.headers["Content-Disposition"] = f'attachment; filename="jobs-{state}.{kind}"'
    return response


@queues.get("/q/<queue>/job")
def jump(queue: str) -> Response:
    """Lead to the job with exactly this id, whose page says so when there is none."""
    queue_or_404(queue)
    job_id = request.args.get("job_id", "").strip()
    if not job_id:
        return make_response(redirect(url_for("queues.show", queue=queue), 303))
    return make_response(redirect(url_for("jobs.show", queue=queue, job_id=job_id), 303))


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
    page = read_queue(
        own.connection, own.sources, keys, wish, now_ms=own.clock(), history=History(own.namespace), groups=own.groups
    )
    return render.page("queues/queue.html", page=page)
