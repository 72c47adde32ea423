"""Bulk runs: a plan, its start, and a run while it goes on and after."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from flask import Response, abort, flash, make_response, redirect, request, url_for
from itsdangerous import BadData, URLSafeTimedSerializer

from board.bulk import VERBS, GroupWish, Plan, Result, Run, Runs, go_on, plan, plan_group, start, stop
from board.bulk.planning import PACE, Planned, typed_word
from board.errors import BadRequestError
from board.queries.groups import GroupRow
from board.queries.shared import QueueName, queue_name
from board.web import render, security
from board.web.bulk_words import WORDS, VerbWords
from board.web.state import actor, board, queue_or_404
from board.web.views.blueprints import bulk
from board.web.views.failures import group_or_404
from board.words import Count, gettext, sentence

__all__ = ["PlanPage", "RunPage", "RunsPage"]

PLAN_SECONDS = 3_600
"""How long a plan may be started; a run never touches jobs that came after it was planned."""

SHOWN = 100
"""Results of a page."""

PACES = (100, 500, PACE, 0)


@dataclass(frozen=True, slots=True)
class Line:
    """What would be done to one state of one queue."""

    queue: QueueName
    part: Planned


@dataclass(frozen=True, slots=True)
class PlanPage:
    """A plan to be confirmed.

    Attributes:
        plan: what would be done.
        words: what its verb is called.
        destroys: whether something is lost for good.
        lines: state by state.
        token: the plan, signed.
        back_url: where Cancel leads.
        group: fingerprint of the failures that it is about; empty when a filter says which jobs.
        note: why it was not started; empty at first.
        paces: jobs a second that may be chosen.
    """

    plan: Plan
    words: VerbWords
    destroys: bool
    lines: tuple[Line, ...]
    token: str
    back_url: str
    group: str
    note: str
    paces: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RunPage:
    """A run.

    Attributes:
        run: as it is now.
        words: what its verb is called.
        queues: what it is about.
        results: newest first.
        start: how many results come before these.
        has_more: there are older ones.
        is_idle: it runs, and nobody has moved it on for a while.
    """

    run: Run
    words: VerbWords
    queues: tuple[QueueName, ...]
    results: tuple[Result, ...]
    start: int
    has_more: bool
    is_idle: bool


@dataclass(frozen=True, slots=True)
class RunsPage:
    """The latest runs, newest first, each with its title and queues."""

    runs: tuple[RunPage, ...]


@bulk.get("/bulk/plan", endpoint="plan")
def show_plan() -> Response:
    """Count what a run would touch, and ask."""
    asked = request.args
    wish = {
        "verb": asked.get("verb", ""),
        "in": asked.getlist("in"),
        "q": asked.get("q", ""),
        "grave": asked.get("grave", "").strip(),
        "group": asked.get("group", ""),
    }
    group = _group_of(wish)
    if wish["verb"] == "bury" and not wish["grave"]:
        wish["grave"] = _usual_grave(wish, group)
    return _ask(_plan(wish, group), wish)


@bulk.post("/bulk")
def begin() -> Response:
    """Start what was planned."""
    wish = _opened(request.form.get("token", ""))
    pace = request.form.get("pace", PACE, type=int)
    found = _plan(wish, _group_of(wish), pace=pace if pace in PACES else PACE, bound_ms=int(wish["bound"]))
    spec = replace(found.spec, bound_ms=int(wish["bound"]))
    before, now = int(wish["count"]), found.matching
    if found.is_exact and wish["exact"] and abs(now - before) > max(100, before // 10):
        changed = gettext(
            "There were %(before)s jobs when this was planned, and there are %(now)s now.",
            before=Count(before),
            now=Count(now),
        )
        return _ask(found, wish, changed)
    word = typed_word(spec, before if wish["exact"] else spec.total)
    if word and request.form.get("typed", "").strip() != word:
        return _ask(found, wish, gettext("To start this run, type %(word)s. Nothing was done.", word=word))
    own = board()
    if wish["group"] and not found.can_go:
        return _ask(found, wish)
    detail = f"failures of {found.subject} ({wish['group']})" if wish["group"] else ""
    run_id = start(own.desk, actor(), own.namespace, spec, listed=found.listed, detail=detail)
    own.look_again()
    return make_response(redirect(url_for("bulk.show", run_id=run_id), 303))


@bulk.get("/bulk")
def index() -> Response:
    """List the latest runs."""
    own = board()
    found = own.connection.call(Runs(own.namespace).latest())
    runs = tuple(_page(run) for run in found if _is_seen(run))
    return render.page("bulk/runs.html", page=RunsPage(runs))


@bulk.get("/bulk/<run_id>")
def show(run_id: str) -> Response:
    """Show a run."""
    run, own = _run_or_404(run_id), board()
    first = max(0, request.args.get("from", 0, type=int))
    results = own.connection.call(Runs(own.namespace).results(run_id, first, SHOWN + 1))
    return render.page("bulk/run.html", page=_page(run, results, first))


@bulk.post("/bulk/<run_id>/stop", endpoint="stop")
def stop_run(run_id: str) -> Response:
    """Let a run end before its next step."""
    run, own = _run_or_404(run_id), board()
    changed = stop(own.desk, actor(), own.namespace, run)
    flash(
        gettext("The run stops before its next step.") if changed else gettext("The run was over already."),
        "ok" if changed else "warn",
    )
    return make_response(redirect(url_for("bulk.show", run_id=run_id), 303))


@bulk.post("/bulk/<run_id>/go-on", endpoint="go_on")
def go_on_with_run(run_id: str) -> Response:
    """Let a run go on that was stopped."""
    run, own = _run_or_404(run_id), board()
    changed = go_on(own.desk, actor(), own.namespace, run)
    flash(gettext("The run goes on.") if changed else gettext("The run is not stopped."), "ok" if changed else "warn")
    own.look_again()
    return make_response(redirect(url_for("bulk.show", run_id=run_id), 303))


def _group_of(wish: dict[str, Any]) -> GroupRow | None:
    return group_or_404(wish["group"]).group if wish["group"] else None


def _plan(wish: dict[str, Any], group: GroupRow | None, pace: int = PACE, bound_ms: int | None = None) -> Plan:
    own = board()
    if group:
        words = f"{group.error} {group.pattern}".strip()[:200] or sentence("failures without a class")
        asked = GroupWish(group.name, words, wish["verb"], wish["grave"], pace, bound_ms)
        return plan_group(own.desk, actor(), own.sources, own.groups, asked)
    wanted = []
    for place in wish["in"]:
        slug, slash, state = place.rpartition("/")
        if not slash:
            raise BadRequestError(
                sentence("“%(place)s” names no queue and state, such as mail/failed.", place=place[:60])
            )
        wanted.append((queue_or_404(slug), state))
    return plan(own.desk, actor(), own.sources, wish["verb"], wanted, text=wish["q"], grave=wish["grave"], pace=pace)


def _usual_grave(wish: dict[str, Any], group: GroupRow | None) -> str:
    """Return what the dead-letter queue is called unless somebody names another."""
    if group:
        return f"{group.queues[0].name}-dead" if group.queues else "dead"
    return f"{queue_or_404(wish['in'][0].rpartition('/')[0]).name}-dead" if wish["in"] else ""


def _ask(found: Plan, wish: dict[str, Any], note: str = "") -> Response:
    own, verb = board(), VERBS[found.spec.verb]
    frozen = {**wish, "bound": found.spec.bound_ms, "count": found.matching, "exact": found.is_exact}
    page = PlanPage(
        plan=found,
        words=WORDS[found.spec.verb],
        destroys=verb.destroys,
        lines=tuple(Line(queue_name(part.source.queue, own.sources), part) for part in found.parts),
        token=_serializer().dumps({**frozen, "who": actor().identity.name}),
        back_url=_back(wish),
        group=wish["group"],
        note=note,
        paces=PACES,
    )
    return render.page("bulk/plan.html", page=page)


def _back(wish: dict[str, Any]) -> str:
    fallback = url_for("failures.show", group=wish["group"]) if wish["group"] else url_for("overview.index")
    if len(wish["in"]) == 1:
        slug, _, state = wish["in"][0].rpartition("/")
        fallback = url_for("queues.state", queue=slug, state=state, q=wish["q"] or None)
    return security.inside(request.args.get("next"), request.script_root, fallback)


def _opened(token: str) -> dict[str, Any]:
    """Return the plan that was signed for the person who asks.

    Raises:
        BadRequestError: it was not, or too long ago.
    """
    try:
        wish: dict[str, Any] = _serializer().loads(token, max_age=PLAN_SECONDS)
    except BadData:
        raise BadRequestError(
            sentence("This plan is too old, or was not made here. Plan it again. Nothing was done.")
        ) from None
    if wish["who"] != actor().identity.name:
        raise BadRequestError(sentence("Somebody else planned this. Plan it again. Nothing was done."))
    return wish


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(board().home.secret, salt="bulk plan")


def _run_or_404(run_id: str) -> Run:
    own = board()
    run = own.connection.call(Runs(own.namespace).read(run_id))
    if run is None or not _is_seen(run):
        abort(404)
    return run


def _is_seen(run: Run) -> bool:
    return all(board().sources.is_shown(queue) for queue in run.spec.queues)


def _page(run: Run, results: list[Result] | None = None, first: int = 0) -> RunPage:
    own = board()
    return RunPage(
        run=run,
        words=WORDS[run.spec.verb],
        queues=tuple(queue_name(queue, own.sources) for queue in run.spec.queues),
        results=tuple((results or [])[:SHOWN]),
        start=first,
        has_more=len(results or []) > SHOWN,
        is_idle=not run.is_over and own.clock() - run.updated_ms > 60_000,
    )
