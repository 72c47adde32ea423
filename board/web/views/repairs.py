"""Repair one job: edit its data, copy it, change its place in line, send it to the dead letters and back."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace

from flask import Response, flash, make_response, redirect, request, url_for

from board.actions import families, repairs
from board.actions.perform import Outcome
from board.auth.policy import Permission, can
from board.engine.errors import JobLockedError, JobNotInStateError
from board.errors import BadRequestError
from board.queries.edit import EDIT_LIMIT, EditPage, read_edit
from board.queries.job import JobPage, read_job
from board.queries.json_text import hide
from board.sources import QueueKeys
from board.web import forms, render, security
from board.web.state import actor, board, insist, queue_or_404
from board.web.views.blueprints import jobs
from board.web.wording import say
from board.words import mark, sentence

__all__ = [
    "IgnorePage",
    "bury",
    "change",
    "delay",
    "duplicate",
    "edit",
    "edit_data",
    "ignore",
    "priority",
    "retry_afresh",
    "send_back",
    "stop",
]


@dataclass(frozen=True, slots=True)
class IgnorePage:
    """What ``jobs/ignore.html`` asks about.

    Attributes:
        job: that failed.
        back_url: where Cancel leads, and what follows.
    """

    job: JobPage
    back_url: str


@jobs.get("/q/<queue>/job/<job_id:job_id>/edit")
def edit(queue: str, job_id: str) -> Response:
    """Show a job's data in a form."""
    own, keys = board(), queue_or_404(queue)
    insist(Permission.DATA, keys, action="edit data")
    return render.page("jobs/edit.html", page=_masked(read_edit(own.connection, own.sources, keys, job_id)))


@jobs.post("/q/<queue>/job/<job_id:job_id>/edit")
def edit_data(queue: str, job_id: str) -> Response:
    """Show what an edit would change; once that was seen, store it."""
    keys, own = queue_or_404(queue), board()
    insist(Permission.DATA, keys, action="edit data")
    draft = request.form.get("data", "").replace("\r\n", "\n")
    if len(draft.encode("utf-8", "surrogatepass")) > 2 * EDIT_LIMIT:
        raise BadRequestError(sentence("These data are larger than 64 KB. Nothing was changed."))
    found = read_edit(own.connection, own.sources, keys, job_id, draft, schemas=own.schemas)
    is_final = request.form.get("confirmed") == "1" and not request.form.get("again")
    if not is_final or found.final is None:
        return render.page("jobs/edit.html", page=_masked(found))
    given = request.form.get("digest", "")
    digest = found.digest if hmac.compare_digest(given.encode(), _mask(found.digest).encode()) else given
    retries = request.form.get("retry") == "1"
    try:
        outcome = repairs.edit_data(
            own.desk,
            actor(),
            keys,
            job_id,
            found.final,
            digest=digest,
            retries=retries,
            before=found.stored,
            after=hide(found.final),
        )
    except (JobNotInStateError, JobLockedError) as refusal:
        return render.page("jobs/edit.html", page=_masked(replace(found, problem=f"{refusal}.")), status=409)
    return _leave(
        outcome,
        mark("Changed the data of and retried job %(id)s.") if retries else mark("Changed the data of job %(id)s."),
        queue,
        job_id,
    )


@jobs.get("/q/<queue>/job/<job_id:job_id>/change")
def change(queue: str, job_id: str) -> Response:
    """Show the forms that change a job's delay and priority, or move it to the dead letters."""
    own = board()
    page = read_job(own.connection, own.sources, queue_or_404(queue), job_id, now_ms=own.clock())
    return render.page("jobs/change.html", page=page)


@jobs.post("/q/<queue>/job/<job_id:job_id>/duplicate")
def duplicate(queue: str, job_id: str) -> Response:
    """Add a new job like this one, and show it."""
    outcome = repairs.duplicate(board().desk, actor(), queue_or_404(queue), job_id)
    return _leave(outcome, mark("Added, as a copy, job %(id)s."), queue, outcome.change.done[0], stays=False)


@jobs.post("/q/<queue>/job/<job_id:job_id>/retry-afresh")
def retry_afresh(queue: str, job_id: str) -> Response:
    """Retry a job with all its attempts before it."""
    outcome = repairs.retry_afresh(board().desk, actor(), queue_or_404(queue), job_id)
    return _leave(outcome, mark("Retried, with fresh attempts, job %(id)s."), queue, job_id)


@jobs.post("/q/<queue>/job/<job_id:job_id>/delay")
def delay(queue: str, job_id: str) -> Response:
    """Let a delayed job wait so long from now on."""
    keys, length_ms = queue_or_404(queue), forms.length_ms(request.form, "delay")
    outcome = repairs.change_delay(board().desk, actor(), keys, job_id, length_ms)
    return _leave(outcome, mark("Changed the delay of job %(id)s."), queue, job_id)


@jobs.post("/q/<queue>/job/<job_id:job_id>/priority")
def priority(queue: str, job_id: str) -> Response:
    """Give a job in line another priority."""
    keys, wanted = queue_or_404(queue), forms.whole(request.form, "priority", sentence("A priority"), 0, 2_097_151)
    outcome = repairs.change_priority(board().desk, actor(), keys, job_id, wanted)
    return _leave(outcome, mark("Changed the priority of job %(id)s."), queue, job_id)


@jobs.post("/q/<queue>/job/<job_id:job_id>/stop")
def stop(queue: str, job_id: str) -> Response:
    """Ask the worker of an active job to stop it."""
    outcome = repairs.stop(board().desk, actor(), queue_or_404(queue), job_id)
    return _leave(outcome, mark("Asked the worker to stop job %(id)s."), queue, job_id)


@jobs.post("/q/<queue>/job/<job_id:job_id>/ignore")
def ignore(queue: str, job_id: str) -> Response:
    """Let the parent of a failed job go on without it, after asking."""
    keys, own = queue_or_404(queue), board()
    may = not own.settings.read_only and can(actor().identity, Permission.PROMOTE, keys.name)
    if may and request.form.get("confirmed") != "1":
        job = read_job(own.connection, own.sources, keys, job_id, now_ms=own.clock())
        if job.ignoring.allowed.ok:
            own_page = url_for("jobs.show", queue=queue, job_id=job_id)
            back = security.inside(request.form.get("next"), request.script_root, own_page)
            return render.page("jobs/ignore.html", page=IgnorePage(job, back))
    outcome = families.ignore_failure(own.desk, actor(), keys, job_id)
    message = mark("Ignored the failure of job %(id)s: %(what)s.")
    return _leave(outcome, message, queue, job_id, what=outcome.change.detail)


@jobs.post("/q/<queue>/job/<job_id:job_id>/bury")
def bury(queue: str, job_id: str) -> Response:
    """Move a failed job into a dead-letter queue."""
    keys, name = queue_or_404(queue), request.form.get("grave", "").strip()
    grave = QueueKeys(keys.prefix, name)
    if grave == keys or not board().sources.is_shown(grave):
        raise BadRequestError(
            sentence("%(name)s cannot be the dead-letter queue of %(queue)s.", name=name[:200], queue=keys.name)
        )
    outcome = repairs.bury(board().desk, actor(), keys, job_id, grave)
    back = url_for("queues.show", queue=queue) if outcome.change.done else None
    return _leave(outcome, mark("Moved to %(queue)s: job %(id)s."), queue, job_id, back=back, queue=grave.name)


@jobs.post("/q/<queue>/job/<job_id:job_id>/send-back")
def send_back(queue: str, job_id: str) -> Response:
    """Send a dead letter back to where it came from."""
    outcome = repairs.send_back(board().desk, actor(), queue_or_404(queue), job_id)
    back = url_for("queues.show", queue=queue) if outcome.change.done else None
    return _leave(
        outcome, mark("Sent back (%(what)s) job %(id)s."), queue, job_id, back=back, what=outcome.change.detail
    )


def _masked(page: EditPage) -> EditPage:
    """Show a digest of the data from which nobody can guess, try by try, what is hidden in them."""
    return replace(page, digest=_mask(page.digest))


def _mask(digest: str) -> str:
    return hmac.new(board().secret.encode(), digest.encode(), "sha256").hexdigest()


def _leave(
    outcome: Outcome,
    message: str,
    slug: str,
    job_id: str,
    *,
    stays: bool = True,
    back: str | None = None,
    **values: str,
) -> Response:
    for category, text in say([outcome], message, **values):
        flash(text, category)
    page = url_for("jobs.show", queue=slug, job_id=job_id)
    target = security.inside(request.form.get("next"), request.script_root, page) if stays and back is None else page
    return make_response(redirect(back or target, 303))
