"""Job schedulers: the list, one of them, and what can be done to it. An edit shows the runs it leads to first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from flask import Response, flash, make_response, redirect, request, url_for

from board import refusals, words
from board.actions import schedulers as actions
from board.actions.perform import Actor, Desk, Outcome
from board.auth.policy import Permission, can
from board.engine.errors import SchedulerError, UsageError
from board.errors import BadRequestError
from board.namespace import Namespace
from board.queries.scheduler_edit import FIELDS, SchedulerDraft, read_draft
from board.queries.schedulers import Scheduler, read_scheduler, read_schedulers_of_queue, read_schedulers_page
from board.sources import QueueKeys
from board.web import render, security
from board.web.state import actor, board, insist, queue_or_404
from board.web.views.blueprints import schedulers
from board.web.wording import audit_missing
from board.words import gettext, mark

__all__ = ["ConfirmPage", "edit", "index", "new", "of_queue", "pause", "remove", "resume", "run", "save", "show"]


@dataclass(frozen=True, slots=True)
class ConfirmPage:
    """What removing a scheduler would do."""

    scheduler: Scheduler


@schedulers.get("/schedulers")
def index() -> Response:
    """Show the schedulers of all queues."""
    own, asked = board(), request.args
    page = read_schedulers_page(
        own.connection,
        own.sources,
        own.namespace,
        own.sources.list().queues,
        now_ms=own.clock(),
        q=asked.get("q", ""),
        only=asked.get("is", ""),
    )
    return render.page("schedulers/schedulers.html", page=page, about=None)


@schedulers.get("/q/<queue>/schedulers")
def of_queue(queue: str) -> Response:
    """Show the schedulers of one queue."""
    own, asked, keys = board(), request.args, queue_or_404(queue)
    page, about = read_schedulers_of_queue(
        own.connection,
        own.sources,
        own.namespace,
        keys,
        now_ms=own.clock(),
        q=asked.get("q", ""),
        only=asked.get("is", ""),
    )
    return render.page("schedulers/schedulers.html", page=page, about=about)


@schedulers.get("/schedulers/<queue>/<job_id:scheduler>")
def show(queue: str, scheduler: str) -> Response:
    """Show one scheduler: its next runs, its last ones, and the jobs it makes."""
    own, keys = board(), queue_or_404(queue)
    page = read_scheduler(own.connection, own.sources, own.namespace, keys, scheduler, now_ms=own.clock())
    return render.page("schedulers/scheduler.html", page=page)


@schedulers.get("/q/<queue>/schedulers/new")
def new(queue: str) -> Response:
    """Show an empty form."""
    return render.page("schedulers/edit.html", page=_draft(queue_or_404(queue), None))


@schedulers.get("/schedulers/<queue>/<job_id:scheduler>/edit")
def edit(queue: str, scheduler: str) -> Response:
    """Show the form of one scheduler."""
    return render.page("schedulers/edit.html", page=_draft(queue_or_404(queue), scheduler))


@schedulers.post("/q/<queue>/schedulers/new", endpoint="create")
def create(queue: str) -> Response:
    """Preview a new scheduler; once that was seen, make it."""
    return _save(queue, None)


@schedulers.post("/schedulers/<queue>/<job_id:scheduler>/edit")
def save(queue: str, scheduler: str) -> Response:
    """Preview a changed scheduler; once that was seen, store it."""
    return _save(queue, scheduler)


@schedulers.post("/schedulers/<queue>/<job_id:scheduler>/run")
def run(queue: str, scheduler: str) -> Response:
    """Add one job like those it makes, and lead to it."""
    keys, own = queue_or_404(queue), board()
    outcome = actions.run_now(own.desk, actor(), own.namespace, keys, scheduler)
    job_id = outcome.change.done[0]
    flash(gettext("Added job %(id)s, a run of %(name)s beside its schedule.", id=job_id, name=scheduler[:80]), "ok")
    _tell_audit(outcome)
    return _back(url_for("jobs.show", queue=queue, job_id=job_id))


@schedulers.post("/schedulers/<queue>/<job_id:scheduler>/pause")
def pause(queue: str, scheduler: str) -> Response:
    """Take a scheduler out of its queue until it is resumed."""
    return _change(
        queue, scheduler, lambda keys: actions.hold(*_desk(), keys, scheduler), mark("Paused scheduler %(name)s.")
    )


@schedulers.post("/schedulers/<queue>/<job_id:scheduler>/resume")
def resume(queue: str, scheduler: str) -> Response:
    """Put a paused scheduler back."""
    return _change(
        queue, scheduler, lambda keys: actions.put_back(*_desk(), keys, scheduler), mark("Resumed scheduler %(name)s.")
    )


@schedulers.post("/schedulers/<queue>/<job_id:scheduler>/remove")
def remove(queue: str, scheduler: str) -> Response:
    """Remove a scheduler, after asking."""
    own, keys = board(), queue_or_404(queue)
    may = not own.settings.read_only and can(actor().identity, Permission.SCHEDULE, keys.name)
    if may and request.form.get("confirmed") != "1":
        found = read_scheduler(own.connection, own.sources, own.namespace, keys, scheduler, now_ms=own.clock())
        return render.page("schedulers/confirm.html", page=ConfirmPage(found.scheduler))
    outcome = actions.remove(*_desk(), keys, scheduler)
    flash(gettext("Removed scheduler %(name)s.", name=scheduler[:80]), "ok")
    _tell_audit(outcome)
    return make_response(redirect(url_for("schedulers.index"), 303))


def _draft(
    keys: QueueKeys, scheduler: str | None, typed: dict[str, str] | None = None, *, needs_id: bool = True
) -> SchedulerDraft:
    own = board()
    insist(Permission.DATA, keys, action="edit scheduler")
    return read_draft(
        own.connection,
        own.sources,
        own.namespace,
        keys,
        scheduler,
        now_ms=own.clock(),
        typed=typed,
        needs_id=needs_id,
    )


def _save(queue: str, scheduler: str | None) -> Response:
    keys = queue_or_404(queue)
    is_final = request.form.get("confirmed") == "1" and not request.form.get("again")
    draft = _draft(keys, scheduler, {name: request.form.get(name, "") for name in FIELDS}, needs_id=is_final)
    if draft.repeat is None or not is_final:
        return render.page("schedulers/edit.html", page=draft, status=400 if draft.problem else 200)
    wanted = scheduler if scheduler is not None else draft.values["id"].strip()
    whole = actions.Draft(wanted, draft.values["name"].strip(), draft.repeat, draft.data_text, draft.template)
    try:
        outcome = actions.save(*_desk(), keys, whole)
    except (UsageError, SchedulerError, BadRequestError) as refusal:
        return render.page("schedulers/edit.html", page=replace(draft, problem=refusals.stated(refusal)), status=409)
    flash(gettext("Saved scheduler %(name)s.", name=wanted[:80]), "ok")
    _tell_audit(outcome)
    return make_response(redirect(url_for("schedulers.show", queue=queue, scheduler=wanted), 303))


def _desk() -> tuple[Desk, Actor, Namespace]:
    own = board()
    return own.desk, actor(), own.namespace


def _change(queue: str, scheduler: str, act: Callable[[QueueKeys], Outcome], message: str) -> Response:
    try:
        outcome = act(queue_or_404(queue))
        flash(gettext(message, name=scheduler[:80]), "ok")
        _tell_audit(outcome)
    except (BadRequestError, SchedulerError) as refusal:
        flash(words.told(words.begin(refusals.of(refusal))), "error")
    return _back(url_for("schedulers.show", queue=queue, scheduler=scheduler))


def _back(fallback: str) -> Response:
    return make_response(redirect(security.inside(request.form.get("next"), request.script_root, fallback), 303))


def _tell_audit(outcome: Outcome) -> None:
    if outcome.audit_problem:
        flash(audit_missing(), "warn")
