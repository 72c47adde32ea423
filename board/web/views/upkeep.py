"""A queue as a whole: set its limits, act on all its jobs; what touches many shows first what that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Response, flash, make_response, redirect, request, url_for

from board.actions import upkeep
from board.actions.perform import Outcome
from board.auth.policy import Permission, can
from board.engine.types import JobState
from board.errors import BadRequestError
from board.queries.manage import Effect, ManagePage, effects, read_manage
from board.queries.shared import QueueName
from board.sources import QueueKeys
from board.web import forms, render, security
from board.web.state import actor, board, queue_or_404
from board.web.views.blueprints import queues
from board.web.wording import audit_missing
from board.words import Count, gettext, ngettext, sentence

__all__ = ["UpkeepPage", "limits", "manage"]

LIMITS = ("concurrency", "rate-limit", "release-limit")
PARTS = ("retry-all", "promote-all", *LIMITS, "drain", "clean", "obliterate")
CLEANED = ("completed", "failed", "waiting", "delayed", "prioritized", "active")


@dataclass(frozen=True, slots=True)
class UpkeepPage:
    """What an action on a whole queue would touch.

    Attributes:
        queue: the queue.
        action: its endpoint without ``queues.``.
        fields: what the form sends again.
        effects: one line an effect.
        touched: jobs that the action is about; more than ``largest`` are refused.
        largest: most jobs that one request works through.
        back_url: where Cancel leads.
        bulk_url: where more than that is planned; empty where there is no such plan.
        can_go: False when it would be refused, or there is nothing to do.
    """

    queue: QueueName
    action: str
    fields: dict[str, str]
    effects: tuple[Effect, ...]
    touched: int
    largest: int
    back_url: str
    bulk_url: str
    can_go: bool


@queues.get("/q/<queue>/manage")
def manage(queue: str) -> Response:
    """Show everything that can be done to a queue as a whole."""
    return _manage(queue, PARTS)


@queues.get("/q/<queue>/limits")
def limits(queue: str) -> Response:
    """Show the limits of a queue."""
    return _manage(queue, LIMITS, side="limits")


@queues.post("/q/<queue>/retry-all")
def retry_all(queue: str) -> Response:
    """Retry all failed jobs, after asking."""
    keys = queue_or_404(queue)
    if _asks(keys, Permission.RETRY):
        return _ask(keys, "retry_all", {})
    outcome = upkeep.retry_all(board().desk, actor(), keys)
    count = outcome.change.count
    text = ngettext(
        "Retried %(n)s job of %(name)s.", "Retried %(n)s jobs of %(name)s.", count, n=Count(count), name=keys.name
    )
    return _leave(outcome, text, url_for("queues.show", queue=queue))


@queues.post("/q/<queue>/promote-all")
def promote_all(queue: str) -> Response:
    """Promote all delayed jobs, after asking."""
    keys = queue_or_404(queue)
    if _asks(keys, Permission.PROMOTE):
        return _ask(keys, "promote_all", {})
    outcome = upkeep.promote_all(board().desk, actor(), keys)
    count = outcome.change.count
    text = ngettext(
        "Promoted %(n)s job of %(name)s.", "Promoted %(n)s jobs of %(name)s.", count, n=Count(count), name=keys.name
    )
    return _leave(outcome, text, url_for("queues.show", queue=queue))


@queues.post("/q/<queue>/drain")
def drain(queue: str) -> Response:
    """Remove everything that waits, after asking."""
    keys, delayed = queue_or_404(queue), request.form.get("delayed") == "1"
    if _asks(keys, Permission.EMPTY):
        return _ask(keys, "drain", {"delayed": "1"} if delayed else {})
    outcome = upkeep.drain(board().desk, actor(), keys, delayed=delayed)
    return _leave(outcome, _removed(outcome, keys), url_for("queues.show", queue=queue))


@queues.post("/q/<queue>/clean")
def clean(queue: str) -> Response:
    """Remove the old jobs of one state, after asking."""
    keys, state = queue_or_404(queue), request.form.get("state", "completed")
    if state not in CLEANED:
        raise BadRequestError(sentence("Jobs that are %(state)s cannot be cleaned.", state=repr(state[:40])))
    older_ms = forms.length_ms(request.form, "age")
    if _asks(keys, Permission.EMPTY):
        fields = {"state": state, "age": request.form["age"], "age_unit": request.form.get("age_unit", "s")}
        return _ask(keys, "clean", fields, before_ms=board().clock() - older_ms)
    outcome = upkeep.clean(board().desk, actor(), keys, JobState(state), older_ms)
    text = _removed(outcome, keys)
    if outcome.change.count == upkeep.LARGEST_RUN:
        text = gettext("%(done)s There may be more: clean again.", done=text)
    return _leave(outcome, text, url_for("queues.state", queue=queue, state=state))


@queues.post("/q/<queue>/obliterate")
def obliterate(queue: str) -> Response:
    """Delete a queue with everything in it, after its name was typed."""
    keys, force = queue_or_404(queue), request.form.get("force") == "1"
    if _asks(keys, Permission.OBLITERATE):
        return _ask(keys, "obliterate", {"force": "1"} if force else {})
    outcome = upkeep.obliterate(board().desk, actor(), keys, request.form.get("typed", ""), force=force)
    board().sources.forget()
    count = outcome.change.count
    text = ngettext(
        "Obliterated %(name)s with %(n)s job.",
        "Obliterated %(name)s with %(n)s jobs.",
        count,
        n=Count(count),
        name=keys.name,
    )
    return _leave(outcome, text, url_for("overview.index"))


@queues.post("/q/<queue>/concurrency")
def concurrency(queue: str) -> Response:
    """Set or lift the limit of jobs that run at once."""
    keys = queue_or_404(queue)
    most = forms.whole(request.form, "concurrency", sentence("A concurrency"), 0, 1_000_000)
    outcome = upkeep.set_concurrency(board().desk, actor(), keys, most)
    text = (
        gettext("At most %(most)s jobs of %(name)s run at once now.", most=Count(most), name=keys.name)
        if most
        else gettext("%(name)s runs without limit now.", name=keys.name)
    )
    return _leave(outcome, text, _back(keys))


@queues.post("/q/<queue>/rate-limit")
def rate_limit(queue: str) -> Response:
    """Set or lift the rate limit."""
    keys = queue_or_404(queue)
    most = forms.whole(request.form, "max", sentence("A rate limit"), 0, 1_000_000_000)
    window_ms = forms.length_ms(request.form, "window") if most else 0
    outcome = upkeep.set_rate_limit(board().desk, actor(), keys, most, window_ms)
    text = (
        gettext("The rate limit of %(name)s is set.", name=keys.name)
        if most
        else gettext("The rate limit of %(name)s is lifted.", name=keys.name)
    )
    return _leave(outcome, text, _back(keys))


@queues.post("/q/<queue>/release-limit")
def release_limit(queue: str) -> Response:
    """Let jobs start again at once."""
    keys = queue_or_404(queue)
    outcome = upkeep.release_limit(board().desk, actor(), keys)
    return _leave(outcome, gettext("Released the rate limit of %(name)s.", name=keys.name), _back(keys))


def _manage(queue: str, parts: tuple[str, ...], *, side: str = "") -> Response:
    own = board()
    page = read_manage(own.connection, own.sources, queue_or_404(queue))
    return render.page("queues/manage.html", page=page, parts=parts, side=side)


def _back(queue: QueueKeys) -> str:
    """Return the page that the form was on, which it names: within this site, or all that can be done."""
    usual = url_for("queues.manage", queue=board().sources.slug(queue))
    return security.inside(request.form.get("next", ""), request.script_root, usual)


def _asks(queue: QueueKeys, permission: Permission) -> bool:
    """Whether to ask first. Who may not act is refused by the action itself, which records the attempt."""
    may = not board().settings.read_only and can(actor().identity, permission, queue.name)
    return may and request.form.get("confirmed") != "1"


def _ask(queue: QueueKeys, action: str, fields: dict[str, str], *, before_ms: int = 0) -> Response:
    own = board()
    state = fields.get("state", "")
    found = read_manage(own.connection, own.sources, queue, state=state, before_ms=before_ms)
    touched = _touched(found, action, fields)
    stuck = action == "obliterate" and found.counts.active > 0 and "force" not in fields
    fits = touched <= upkeep.LARGEST_RUN or (action == "clean" and state in ("completed", "failed"))
    page = UpkeepPage(
        queue=found.queue,
        action=action,
        fields=fields,
        effects=effects(found, action, state=state, delayed="delayed" in fields),
        touched=touched,
        largest=upkeep.LARGEST_RUN,
        back_url=_back(queue),
        bulk_url=_bulk_url(found.queue.slug, action, fields) if touched > upkeep.LARGEST_RUN else "",
        can_go=fits and not stuck and (touched > 0 or action == "obliterate"),
    )
    return render.page("queues/confirm.html", page=page)


def _bulk_url(slug: str, action: str, fields: dict[str, str]) -> str:
    """Return the plan of a bulk run that does the same; empty for what a run does not do."""
    if action in ("retry_all", "promote_all"):
        verb, state = ("retry", "failed") if action == "retry_all" else ("promote", "delayed")
        return _plan_url(verb, [f"{slug}/{state}"])
    if action == "drain":
        states = ["waiting", "prioritized", *(["delayed"] if "delayed" in fields else [])]
        return _plan_url("remove", [f"{slug}/{state}" for state in states])
    if action == "clean" and fields["state"] != "active":
        unit = {"days": "d"}.get(fields["age_unit"], fields["age_unit"])
        field = "finished" if fields["state"] in ("completed", "failed") else "added"
        older = f"{field}:>{fields['age']}{unit}"
        return _plan_url("remove", [f"{slug}/{fields['state']}"], q=older)
    return ""


def _plan_url(verb: str, places: list[str], **values: str) -> str:
    asked: dict[str, Any] = {"verb": verb, "in": places, **values}
    return url_for("bulk.plan", **asked)


def _touched(page: ManagePage, action: str, fields: dict[str, str]) -> int:
    lines = effects(page, action, state=fields.get("state", ""), delayed="delayed" in fields)
    return sum(line.count for line in lines if line.state != "schedulers" and "left alone" not in line.words)


def _removed(outcome: Outcome, queue: QueueKeys) -> str:
    count = outcome.change.count
    return ngettext(
        "Removed %(n)s job from %(name)s.", "Removed %(n)s jobs from %(name)s.", count, n=Count(count), name=queue.name
    )


def _leave(outcome: Outcome, text: str, target: str) -> Response:
    flash(text, "ok")
    if outcome.audit_problem:
        flash(audit_missing(), "warn")
    return make_response(redirect(target, 303))
