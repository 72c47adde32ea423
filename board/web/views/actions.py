"""Every write a person can make, each a POST to the thing it changes, answered with 303 to where they were.

Several jobs at once, and every removal, first show what will be touched; the form of that page says ``confirmed``.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Response, flash, make_response, redirect, request, url_for

from board.actions import jobs as job_actions
from board.actions import queues as queue_actions
from board.actions.perform import MOST_JOBS, Outcome, refuse
from board.actions.preview import preview
from board.auth.policy import Permission, can
from board.errors import BadRequestError, TooManyError
from board.queries.shared import QueueName
from board.sources import QueueKeys
from board.web import forms, render, security
from board.web.state import actor, board, queue_or_404
from board.web.views.blueprints import failures, jobs, queues
from board.web.wording import audit_missing, say
from board.words import gettext, sentence

__all__ = ["ConfirmPage"]


@dataclass(frozen=True, slots=True)
class ConfirmPage:
    """What ``actions/confirm.html`` asks about.

    Attributes:
        queue: of all the jobs; None when they are of several.
        verb: retry, promote or remove.
        ids: as the form sends them again.
        count: how many.
        lines: what will happen to how many of them.
        warning: what will be lost; empty when nothing is.
        back_url: where Cancel leads.
    """

    queue: QueueName | None
    verb: str
    ids: tuple[str, ...]
    count: int
    lines: tuple[tuple[str, int], ...]
    warning: str
    back_url: str


@queues.post("/q/<queue>/pause")
def pause(queue: str) -> Response:
    """Let workers take no more jobs of a queue."""
    keys = queue_or_404(queue)
    return _about_queue(
        queue_actions.pause(board().desk, actor(), keys), gettext("Paused %(name)s.", name=keys.name), queue
    )


@queues.post("/q/<queue>/resume")
def resume(queue: str) -> Response:
    """Let workers take jobs again."""
    keys = queue_or_404(queue)
    return _about_queue(
        queue_actions.resume(board().desk, actor(), keys), gettext("Resumed %(name)s.", name=keys.name), queue
    )


@jobs.post("/q/<queue>/job/<job_id:job_id>/retry")
def retry(queue: str, job_id: str) -> Response:
    """Make one failed or completed job runnable again."""
    return _one("retry", queue, job_id)


@jobs.post("/q/<queue>/job/<job_id:job_id>/promote")
def promote(queue: str, job_id: str) -> Response:
    """Make one delayed job runnable now."""
    return _one("promote", queue, job_id)


@jobs.post("/q/<queue>/job/<job_id:job_id>/remove")
def remove(queue: str, job_id: str) -> Response:
    """Remove one job, after asking."""
    return _one("remove", queue, job_id)


@jobs.post("/q/<queue>/bulk")
def bulk(queue: str) -> Response:
    """Act on a selection of one queue's jobs."""
    keys = queue_or_404(queue)
    form = forms.BulkForm.read(request.form)
    back = url_for("queues.show", queue=queue)
    return _several(form, [(keys, form.ids)], back, QueueName(keys.prefix, keys.name, queue))


@failures.post("/failures/bulk", endpoint="bulk")
def bulk_failures() -> Response:
    """Act on a selection of jobs of several queues, each named as ``job_ref`` spells it."""
    form = forms.BulkForm.read(request.form)
    by_slug: dict[str, list[str]] = {}
    for reference in form.ids:
        slug, slash, job_id = reference.partition("/")
        if not slash or not job_id:
            raise BadRequestError(sentence("A selected job names no queue."))
        by_slug.setdefault(slug, []).append(job_id)
    selection = [(queue_or_404(slug), tuple(ids)) for slug, ids in by_slug.items()]
    return _several(form, selection, url_for("failures.index"), None)


def _one(verb: str, slug: str, job_id: str) -> Response:
    keys = queue_or_404(slug)
    page = url_for("jobs.show", queue=slug, job_id=job_id)
    back = _back(page)
    if verb == "remove" and request.form.get("confirmed") != "1" and _may(verb, keys):
        return _ask(verb, [(keys, (job_id,))], (job_id,), back, QueueName(keys.prefix, keys.name, slug))
    outcome = job_actions.ACTIONS[verb](board().desk, actor(), keys, (job_id,))
    return _leave([outcome], back, url_for("queues.show", queue=slug))


def _several(
    form: forms.BulkForm, selection: list[tuple[QueueKeys, tuple[str, ...]]], fallback: str, queue: QueueName | None
) -> Response:
    back = _back(fallback)
    own, who = board(), actor()
    if len(form.ids) > MOST_JOBS:
        error = TooManyError(len(form.ids), MOST_JOBS)
        refuse(own.desk, who, form.verb, error)
        raise error
    needs_asking = form.verb == "remove" or len(form.ids) > 1
    if needs_asking and not form.is_confirmed and all(_may(form.verb, keys) for keys, _ in selection):
        return _ask(form.verb, selection, form.ids, back, queue)
    act = job_actions.ACTIONS[form.verb]
    return _leave([act(own.desk, who, keys, ids) for keys, ids in selection], back, fallback)


def _ask(
    verb: str,
    selection: list[tuple[QueueKeys, tuple[str, ...]]],
    ids: tuple[str, ...],
    back: str,
    queue: QueueName | None,
) -> Response:
    found = preview(board().connection, verb, selection)
    page = ConfirmPage(queue, verb, ids, len(ids), found.lines, found.warning, back)
    return render.page("actions/confirm.html", page=page)


def _may(verb: str, queue: QueueKeys) -> bool:
    """Whether to ask first. Who may not act is refused by the action itself, which records the attempt."""
    return not board().settings.read_only and can(actor().identity, Permission(verb), queue.name)


def _back(fallback: str) -> str:
    return security.inside(request.form.get("next") or request.args.get("next"), request.script_root, fallback)


def _leave(outcomes: list[Outcome], back: str, list_page: str) -> Response:
    """Say what happened and return to the page before, or to the list when that page was of a job now removed."""
    for category, text in say(outcomes):
        flash(text, category)
    if any(outcome.permission is Permission.REMOVE and outcome.change.done for outcome in outcomes):
        gone = {_job_page(outcome.queue, job_id) for outcome in outcomes for job_id in outcome.change.done}
        if urlsplit(back).path in gone:
            back = list_page
    return make_response(redirect(back, 303))


def _job_page(queue: QueueKeys, job_id: str) -> str:
    return url_for("jobs.show", queue=board().sources.slug(queue), job_id=job_id)


def _about_queue(outcome: Outcome, text: str, slug: str) -> Response:
    flash(text, "ok")
    if outcome.audit_problem:
        flash(audit_missing(), "warn")
    return make_response(redirect(_back(url_for("queues.show", queue=slug)), 303))
