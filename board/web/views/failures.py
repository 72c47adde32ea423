"""Failures of all queues: by cause where a recorder keeps them, and job by job."""

from __future__ import annotations

from flask import Response, flash, make_response, redirect, request, url_for

from board.actions import groups as group_actions
from board.actions.perform import Outcome
from board.errors import BadRequestError, UnknownGroupError
from board.queries.failures import FailuresAsked, read_failures
from board.queries.groups import GroupPage, GroupsAsked, read_group, read_groups
from board.queries.shared import QueueName
from board.sources import QueueKeys
from board.web import render, security
from board.web.state import actor, board, queue_or_404
from board.web.views.blueprints import failures
from board.words import gettext, sentence

__all__ = ["change_group", "counted", "group_or_404", "index", "mute", "reopen", "resolve", "show"]

LIST_ONLY = ("error", "after", "size")
"""Arguments that only the list of jobs knows: addresses of before keep what they mean."""

MUTES = tuple(zip(group_actions.MUTES, (sentence("an hour"), sentence("24 hours"), sentence("7 days")), strict=True))
"""How long a group may be muted, and how that is called."""

MOST_QUEUES = 50
"""Queues of a group that permission is asked for."""


@failures.get("/failures")
def index() -> Response:
    """Show failures by cause; or the failed jobs themselves, when that is asked for or no recorder ever ran."""
    own, asked = board(), request.args
    wants_jobs = asked.get("view") == "jobs" or any(asked.get(name) for name in LIST_ONLY)
    if not wants_jobs and own.is_recorded():
        page = read_groups(
            own.connection,
            own.groups,
            own.sources,
            counted(asked.get("queue", ""), searches=bool(asked.get("q", "").strip())),
            GroupsAsked(
                status=asked.get("is", "open"),
                window=asked.get("w", ""),
                sort=asked.get("sort", "last"),
                q=asked.get("q", ""),
                queue=asked.get("queue", ""),
                page=asked.get("page", 0, type=int),
            ),
            now_ms=own.clock(),
        )
        if page is not None:
            return render.page("failures/groups.html", page=page, mutes=MUTES)
    return _jobs()


@failures.get("/failures/<group>")
def show(group: str) -> Response:
    """Show one cause: how often, where, and its failed jobs."""
    return render.page("failures/group.html", page=group_or_404(group), mutes=MUTES)


@failures.post("/failures/<group>/mute")
def mute(group: str) -> Response:
    """Let a group count without asking for attention, for a time."""
    lasting = request.form.get("for", "24h")
    if lasting not in group_actions.MUTES:
        raise BadRequestError(
            sentence(
                "Failures are muted for %(times)s, not for %(asked)s.",
                times=", ".join(group_actions.MUTES),
                asked=repr(lasting[:40]),
            )
        )
    return _change(group, "mute", gettext("Muted for %(time)s.", time=lasting), group_actions.MUTES[lasting])


@failures.post("/failures/<group>/resolve")
def resolve(group: str) -> Response:
    """Say that a cause is mended; its group opens again when a job fails like this."""
    return _change(group, "resolve", gettext("Resolved. It opens again when a job fails like this."))


@failures.post("/failures/<group>/open", endpoint="reopen")
def reopen(group: str) -> Response:
    """Take back that a group is muted or resolved."""
    return _change(group, "open", gettext("Opened."))


def _change(name: str, verb: group_actions.GroupVerb, done: str, mute_ms: int = 0) -> Response:
    outcome, _ = change_group(name, verb, mute_ms)
    if outcome.change.count:
        flash(done, "ok")
    else:
        flash(gettext("This group of failures is gone; nothing was done."), "warn")
    fallback = url_for("failures.show", group=name)
    return make_response(redirect(security.inside(request.form.get("next"), request.script_root, fallback), 303))


def change_group(name: str, verb: group_actions.GroupVerb, mute_ms: int = 0) -> tuple[Outcome, QueueName]:
    """Mute, resolve or open a group; returns what came of it, and the queue with most of its jobs.

    Raises:
        UnknownGroupError: there is none, or none of its queues is shown.
    """
    own, group = board(), group_or_404(name).group
    queues = tuple(queue_or_404(queue.slug) for queue in group.queues[:MOST_QUEUES])
    if not queues:
        raise UnknownGroupError(name)
    asked = group_actions.GroupAsked(name, f"{group.error} {group.pattern}".strip()[:200], verb, mute_ms)
    outcome = group_actions.change(own.desk, actor(), own.groups, queues[0], asked, also=queues[1:])
    return outcome, group.queues[0]


def group_or_404(name: str) -> GroupPage:
    """Return a group as the person who asks may see it.

    Raises:
        UnknownGroupError: there is none.
    """
    own, asked = board(), request.args
    page = read_group(
        own.connection,
        own.groups,
        own.sources,
        counted("", searches=False),
        name,
        now_ms=own.clock(),
        window=asked.get("w", "7d"),
        page=asked.get("page", 0, type=int),
    )
    if page is None:
        raise UnknownGroupError(name)
    return page


def counted(slug: str, *, searches: bool) -> tuple[QueueKeys, ...] | None:
    """Return the queues whose failures count for this person; None for all. A search tells of what jobs carry."""
    own = board()
    if slug:
        queues: tuple[QueueKeys, ...] = (queue_or_404(slug),)
    else:
        limits = own.sources.limits()
        if limits is None:
            return None
        queues = limits.queues
    return tuple(queue for queue in queues if own.sources.shows_data(queue)) if searches else queues


def _jobs() -> Response:
    own, asked = board(), request.args
    wish = FailuresAsked(
        q=asked.get("q", ""),
        queue=asked.get("queue", ""),
        error=asked.get("error", ""),
        size=asked.get("size", 20, type=int),
        after=asked.get("after", ""),
    )
    queues = (queue_or_404(wish.queue),) if wish.queue else own.sources.list().queues
    page = read_failures(own.connection, own.sources, queues, wish, now_ms=own.clock())
    return render.page("failures/failures.html", page=page, is_recorded=own.is_recorded())
