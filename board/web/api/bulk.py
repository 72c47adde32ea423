"""Bulk runs for programs: planned, started, watched, stopped; as on the pages, with the same guards."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from werkzeug.exceptions import NotFound

from board.bulk import VERBS, Plan, Result, Run, Runs, go_on, plan, start, stop
from board.bulk.planning import PACE
from board.errors import BadRequestError
from board.queries.shared import STATES, QueueName, queue_name
from board.web.api.operations import Field, operation, query, read_body
from board.web.state import actor, board, insist, queue_or_404

__all__ = ["BODY", "PlanResult", "begin_bulk", "bulk_run", "bulk_runs", "planned", "stop_bulk"]

SHOWN = 100

BODY = {
    "pace": Field("whole", "most jobs a second; 0 for as many as go, 2,000 when it is left out", high=1_000_000),
    "dry_run": Field("flag", "count what it would touch, and do nothing"),
    "typed": Field("text", "the word that a large or destructive run asks for, as a dry run tells it"),
}


@dataclass(frozen=True, slots=True)
class PlanPart:
    """What a run does to one state of one queue.

    Attributes:
        queue: which.
        state: which.
        matching: jobs found that it acts on.
        searched: jobs looked at for that.
        is_exact: whether ``matching`` is all of them.
        refused: why nothing is done here; empty when something is.
        samples: ids of some.
        left_alone: reasons why others are left alone, and how many.
    """

    queue: QueueName
    state: str
    matching: int
    searched: int
    is_exact: bool
    refused: str
    samples: tuple[str, ...]
    left_alone: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class PlanResult:
    """A plan, and the run that it became.

    Attributes:
        run: id of the run; None when nothing was started.
        matching: jobs found that it acts on.
        is_exact: whether these are all.
        typed: the word to send as ``typed``; empty when none is asked for.
        parts: state by state.
    """

    run: str | None
    matching: int
    is_exact: bool
    typed: str
    parts: tuple[PlanPart, ...]


@dataclass(frozen=True, slots=True)
class BulkRun:
    """A bulk run.

    Attributes:
        run: its id.
        verb: what it does.
        queues: to jobs of which.
        filter: to which of the jobs; empty for all, or for a group of failures.
        group: the group of failures that it is about; empty for none.
        status: running, stopping, stopped, done or failed.
        by: who started it.
        created_at_ms: when.
        ended_at_ms: when it was over; None before.
        total: jobs to look at.
        looked: jobs looked at.
        done: jobs acted on.
        left: jobs left alone, each with its reason in the results.
        unsure: jobs not repeated after a process was killed.
        detail: why it failed.
    """

    run: str
    verb: str
    queues: tuple[QueueName, ...]
    filter: str
    group: str
    status: str
    by: str
    created_at_ms: int
    ended_at_ms: int | None
    total: int
    looked: int
    done: int
    left: int
    unsure: int
    detail: str


@dataclass(frozen=True, slots=True)
class BulkRuns:
    """The latest runs, newest first."""

    runs: tuple[BulkRun, ...]


@dataclass(frozen=True, slots=True)
class BulkDetail:
    """A run with some of its results, newest first; ``next`` goes on with older ones."""

    run: BulkRun
    results: tuple[Result, ...]
    next: int | None


@dataclass(frozen=True, slots=True)
class BulkChanged:
    """Whether a run was stopped, or goes on: not so when it was over already."""

    run: str
    changed: bool


@operation("GET", "/bulk", result=BulkRuns)
def bulk_runs() -> BulkRuns:
    """List the latest bulk runs, newest first."""
    own = board()
    found = own.connection.call(Runs(own.namespace).latest())
    return BulkRuns(tuple(_run(one) for one in found if _is_seen(one)))


@operation(
    "GET",
    "/bulk/<run_id>",
    result=BulkDetail,
    query={"from": Field("whole", "how many results to leave out", high=1_000_000)},
)
def bulk_run(run_id: str) -> BulkDetail:
    """Tell how a bulk run goes, and what became of each job."""
    first, own, run = query()["from"] or 0, board(), _run_or_404(run_id)
    results = own.connection.call(Runs(own.namespace).results(run_id, first, SHOWN + 1))
    return BulkDetail(_run(run), tuple(results[:SHOWN]), first + SHOWN if len(results) > SHOWN else None)


@operation(
    "POST",
    "/queues/<queue>/bulk",
    result=PlanResult,
    body={
        "verb": Field("text", "what to do", choices=tuple(VERBS), needed=True),
        "state": Field(
            "text",
            "of which jobs",
            choices=("failed", *(one for one in STATES if one != "failed"), "paused"),
            needed=True,
        ),
        "q": Field("text", "which of them, as on the page of the queue; all when it is left out"),
        "grave": Field("text", "name of the dead-letter queue, to bury"),
        **BODY,
    },
)
def begin_bulk(queue: str) -> PlanResult:
    """Act in the background on all jobs of a state that match a filter, or tell what that would touch."""
    keys, asked, own = queue_or_404(queue), read_body(), board()
    found = plan(
        *(own.desk, actor(), own.sources, asked["verb"], [(keys, asked["state"])]),
        text=asked["q"],
        grave=asked["grave"],
        pace=_pace(asked),
    )
    return planned(found, asked)


@operation("POST", "/bulk/<run_id>/stop", result=BulkChanged)
def stop_bulk(run_id: str) -> BulkChanged:
    """Let a bulk run end before its next step."""
    own = board()
    return BulkChanged(run_id, stop(own.desk, actor(), own.namespace, _run_or_404(run_id)))


@operation("POST", "/bulk/<run_id>/go-on", result=BulkChanged)
def go_on_with_bulk(run_id: str) -> BulkChanged:
    """Let a bulk run go on that was stopped."""
    own = board()
    return BulkChanged(run_id, go_on(own.desk, actor(), own.namespace, _run_or_404(run_id)))


def planned(found: Plan, asked: dict[str, Any], detail: str = "") -> PlanResult:
    """Start a plan unless it is to be counted only.

    Raises:
        BadRequestError: a word has to be typed, or there is nothing to do.
    """
    own = board()
    result = PlanResult(
        run=None,
        matching=found.matching,
        is_exact=found.is_exact,
        typed=found.typed,
        parts=tuple(
            PlanPart(
                queue=queue_name(part.source.queue, own.sources),
                state=part.source.state,
                matching=part.matching,
                searched=part.searched,
                is_exact=part.is_exact,
                refused=part.refused,
                samples=part.samples,
                left_alone=part.left_alone,
            )
            for part in found.parts
        ),
    )
    if asked["dry_run"]:
        return result
    if not found.spec.sources:
        for part in found.parts:  # whose trouble may be the role, which then is what to say
            insist(VERBS[found.spec.verb].permission, part.source.queue, action=f"start bulk {found.spec.verb}")
    allowed = all(not part.refused for part in found.parts)
    if found.typed and allowed and found.can_go and asked["typed"].strip() != found.typed:
        raise BadRequestError(f"To start this run, send {found.typed!r} as typed. Nothing was done.")
    run = start(own.desk, actor(), own.namespace, found.spec, listed=found.listed, detail=detail)
    own.look_again()
    return replace(result, run=run)


def _pace(asked: dict[str, Any]) -> int:
    return PACE if asked["pace"] is None else int(asked["pace"])


def _run_or_404(run_id: str) -> Run:
    own = board()
    run = own.connection.call(Runs(own.namespace).read(run_id))
    if run is None or not _is_seen(run):
        raise NotFound("There is no such bulk run, or it is too long ago.")
    return run


def _is_seen(run: Run) -> bool:
    return all(board().sources.is_shown(queue) for queue in run.spec.queues)


def _run(run: Run) -> BulkRun:
    own, spec = board(), run.spec
    return BulkRun(
        run=run.id,
        verb=spec.verb,
        queues=tuple(queue_name(queue, own.sources) for queue in spec.queues),
        filter=spec.filter,
        group=spec.group,
        status=run.status,
        by=spec.who,
        created_at_ms=run.created_ms,
        ended_at_ms=run.ended_ms,
        total=spec.total,
        looked=run.looked,
        done=run.done,
        left=run.left,
        unsure=run.unsure,
        detail=run.detail,
    )
