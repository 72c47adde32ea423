"""Whether the process lives, and whether it can serve: for load balancers and containers, without a sign-in.

``live`` and ``ready`` answer a word and no detail: versions, addresses and queues are nobody's business who has not
signed in.
The checklist is for people who signed in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from flask import Response, flash, make_response, redirect, request, url_for

from board import doctor, words
from board.auth.policy import Permission, can, everywhere
from board.doctor import Finding, Verdict, accepting
from board.doctor.queues import MOST_QUEUES
from board.engine.errors import StoreError
from board.errors import BadRequestError
from board.queries.server import read_server
from board.redaction import redact_text
from board.service import SHARED_SECONDS
from board.web import render
from board.web.monitor import answer_queues
from board.web.state import actor, board
from board.web.views.blueprints import health
from board.web.wording import audit_missing
from board.words import gettext

__all__ = ["accept", "findings", "index", "live", "queues", "ready", "reopen"]

USUAL_DAYS = 30
"""How long a finding is accepted unless another day is chosen."""

MOST_TYPED = 1_000
"""Characters of a field that a form which was refused keeps; more than any may have."""


@health.get("/healthz")
def live() -> Response:
    """Say that the process answers, whatever Redis does: restarting the board mends no Redis."""
    return _plain("ok", 200)


@health.get("/readyz")
def ready() -> Response:
    """Say whether Redis answers, so that a balancer sends people to a board that can show something."""
    try:
        board().ping()
    except StoreError:
        return _plain("Redis does not answer", 503)
    return _plain("ready", 200)


@health.get("/health")
def index() -> Response:
    """Show the production checklist, checked now: what is wrong first."""
    return _checklist()


@health.post("/health/<check>/accept")
def accept(check: str) -> Response:
    """Let a finding stay as it is until a day."""
    typed = {name: request.form.get(name, "")[:MOST_TYPED] for name in ("until", "reason")}
    try:
        problem = accepting.accept(board(), actor(), check, until=typed["until"], reason=typed["reason"])
    except BadRequestError as refusal:
        kept = {name: redact_text(text) for name, text in typed.items()}
        return _checklist(words.of(refusal), {"check": check, **kept}, status=400)
    return _done(gettext("The finding is accepted."), problem)


@health.post("/health/<check>/reopen")
def reopen(check: str) -> Response:
    """Let a finding count again."""
    return _done(gettext("The finding counts again."), accepting.reopen(board(), actor(), check))


def findings() -> tuple[Finding, ...]:
    """Return what the checks find in the queues that the person who asks may see.

    A reason may speak of any queue, so it is told to those who see all.
    """
    own, who = board(), actor().identity
    key = ("health", own.sources.list())
    seen = own.readings.get(key, lambda: tuple(doctor.look(own)), within=SHARED_SECONDS).value
    weighed = doctor.weigh(own, seen)
    if everywhere(who, Permission.VIEW):
        return tuple(weighed)
    return tuple(replace(one, accepted=replace(one.accepted, reason="")) if one.accepted else one for one in weighed)


def _checklist(problem: str = "", typed: Mapping[str, str] | None = None, status: int = 200) -> Response:
    own = board()
    found = findings()
    groups = [
        (verdict.value, [one for one in found if one.verdict is verdict and one.accepted is None])
        for verdict in (Verdict.FAILURE, Verdict.WARNING)
    ]
    groups.append(("accepted", [one for one in found if one.accepted]))
    groups.append(("ok", [one for one in found if one.verdict is Verdict.OK]))
    today = datetime.fromtimestamp(own.clock() / 1000, UTC).date()
    return render.page(
        "health/health.html",
        status=status,
        groups=groups,
        shown="trouble" if request.args.get("show") == "trouble" else "all",
        server=read_server(own.connection),
        queue_count=len(own.sources.list().queues),
        most_sampled=MOST_QUEUES,
        problem=problem,
        typed=typed or {},
        may_accept=can(actor().identity, Permission.ACCEPT),
        until=(today + timedelta(days=USUAL_DAYS)).isoformat(),
    )


def _done(words: str, audit_problem: str) -> Response:
    flash(words, "ok")
    if audit_problem:
        flash(audit_missing(), "warn")
    return make_response(redirect(url_for("health.index"), 303))


@health.get("/health/queues")
def queues() -> Response:
    """Say whether the queues that the person who asks may see keep their limits; programs show a token instead."""
    return answer_queues(board())


def _plain(text: str, status: int) -> Response:
    response = make_response(f"{text}\n", status)
    response.mimetype = "text/plain"
    return response
