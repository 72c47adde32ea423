"""Failures by cause, and figures over time, for programs."""

from __future__ import annotations

from dataclasses import dataclass

from board.actions import groups as group_actions
from board.bulk.grouping import GROUP_VERBS, GroupWish, plan_group
from board.history.groups import SORTS, STATUSES
from board.history.store import Gap, History
from board.queries.groups import HISTOGRAMS, WINDOWS, GroupRow, GroupsAsked, Sample, read_groups
from board.queries.metrics import WINDOWS as METRICS_WINDOWS
from board.queries.metrics import MetricsPage, Point, Row, read_metrics
from board.queries.shared import QueueName
from board.web.api import shapes
from board.web.api.bulk import BODY, PlanResult, planned
from board.web.api.operations import Field, operation, query, read_body
from board.web.state import actor, board, queue_or_404
from board.web.views.failures import change_group, counted, group_or_404

__all__ = ["failure_group", "failure_groups", "metrics"]


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failures of one cause.

    Attributes:
        group: fingerprint, in addresses.
        error: class of the error; empty when no trace named one.
        message: with what varies taken out; empty where data may not be shown.
        place: function and file where it is thrown.
        trend: how it goes, in words.
        job_names: names of the jobs, most failures first.
        queues: queues with failed jobs of it now, most first.
        jobs: failed jobs of it now.
        total: failures ever counted.
        first_at_ms: first failure known.
        last_at_ms: newest failure.
        retried: jobs that were tried again.
        succeeded: jobs of these that ended well.
        status: open, muted or resolved.
        muted_until_ms: until when it is muted.
        changed_by: who muted or resolved it.
    """

    group: str
    error: str
    message: str
    place: str
    trend: str
    job_names: tuple[str, ...]
    queues: tuple[QueueName, ...]
    jobs: int
    total: int
    first_at_ms: int | None
    last_at_ms: int | None
    retried: int
    succeeded: int
    status: str
    muted_until_ms: int | None
    changed_by: str


@dataclass(frozen=True, slots=True)
class FailureGroups:
    """Failures by cause; ``since_ms`` says from when on they are complete, None where nobody records."""

    groups: tuple[FailureGroup, ...]
    matching: int
    next: int | None
    since_ms: int | None


@dataclass(frozen=True, slots=True)
class GroupDetail:
    """One cause, with the failures of each stretch of the window and its newest failed jobs."""

    group: FailureGroup
    window: str
    stretch_ms: int
    histogram: tuple[int, ...]
    samples: tuple[Sample, ...]
    next: int | None


@dataclass(frozen=True, slots=True)
class Metrics:
    """Figures over a window, oldest point first; a value is null where nothing was recorded."""

    window: str
    queue: QueueName | None
    point_ms: int
    points: tuple[Point, ...]
    total: Row
    rows: tuple[Row, ...]
    since_ms: int | None
    gaps: tuple[Gap, ...]


@operation(
    "GET",
    "/failure-groups",
    result=FailureGroups,
    query={
        "status": Field("text", "of the groups; open when it is left out", choices=STATUSES),
        "window": Field("text", "how old the newest failure may be", choices=tuple(WINDOWS)),
        "sort": Field("text", "their order", choices=SORTS),
        "q": Field("text", "text in error, message, place or job names"),
        "queue": Field("text", "only this queue, as addresses spell it"),
        "page": Field("whole", "what `next` of the answer before was", high=1_000),
    },
)
def failure_groups() -> FailureGroups:
    """List failures by cause, over all queues."""
    asked, own = query(), board()
    wish = GroupsAsked(
        status=asked["status"] or "open",
        window=asked["window"],
        sort=asked["sort"] or "last",
        q=asked["q"],
        queue=asked["queue"],
        page=asked["page"] or 0,
    )
    queues = counted(wish.queue, searches=bool(wish.q.strip()))
    page = read_groups(own.connection, own.groups, own.sources, queues, wish, now_ms=own.clock())
    if page is None:
        return FailureGroups((), 0, None, None)
    following = page.asked.page + 1 if page.has_more else None
    return FailureGroups(tuple(map(_group, page.groups)), page.matching, following, page.since_ms)


@operation(
    "GET",
    "/failure-groups/<group>",
    result=GroupDetail,
    query={
        "w": Field("text", "window of the histogram", choices=tuple(HISTOGRAMS)),
        "page": Field("whole", "what `next` of the answer before was", high=5_000),
    },
)
def failure_group(group: str) -> GroupDetail:
    """Tell of one cause: how often, where, and its failed jobs."""
    query()
    page = group_or_404(group)
    following = page.page + 1 if page.has_more else None
    return GroupDetail(_group(page.group), page.window, page.bar_ms, page.histogram, page.samples, following)


@operation(
    "POST",
    "/failure-groups/<group>/bulk",
    result=PlanResult,
    body={
        "verb": Field("text", "what to do to its failed jobs", choices=GROUP_VERBS, needed=True),
        "grave": Field("text", "name of the dead-letter queue, to bury"),
        **BODY,
    },
)
def begin_group_bulk(group: str) -> PlanResult:
    """Retry, remove or bury all failed jobs of one cause in the background, or tell what that would touch."""
    asked, own = read_body(), board()
    row = group_or_404(group).group
    words = f"{row.error} {row.pattern}".strip()[:200] or "failures without a class"
    wish = GroupWish(group, words, asked["verb"], asked["grave"], 2_000 if asked["pace"] is None else asked["pace"])
    found = plan_group(own.desk, actor(), own.sources, own.groups, wish)
    return planned(found, asked, detail=f"failures of {words} ({group})")


@operation(
    "POST",
    "/failure-groups/<group>/mute",
    result=shapes.ActionResult,
    body={"for": Field("text", "how long", choices=tuple(group_actions.MUTES), needed=True)},
)
def mute_group(group: str) -> shapes.ActionResult:
    """Let a group count without asking for attention, for a time."""
    return _changed(group, "mute", group_actions.MUTES[read_body()["for"]])


@operation("POST", "/failure-groups/<group>/resolve", result=shapes.ActionResult)
def resolve_group(group: str) -> shapes.ActionResult:
    """Say that a cause is mended; its group opens again when a job fails like this."""
    return _changed(group, "resolve")


@operation("POST", "/failure-groups/<group>/open", result=shapes.ActionResult)
def open_group(group: str) -> shapes.ActionResult:
    """Take back that a group is muted or resolved."""
    return _changed(group, "open")


@operation(
    "GET",
    "/metrics",
    result=Metrics,
    query={
        "queue": Field("text", "only this queue, as addresses spell it"),
        "window": Field("text", "how far back; an hour when it is left out", choices=tuple(METRICS_WINDOWS)),
    },
)
def metrics() -> Metrics:
    """Tell what ended, failed, waited and ran over a window."""
    asked, own = query(), board()
    page: MetricsPage = read_metrics(
        own.connection,
        History(own.namespace),
        own.alerts,
        own.sources,
        own.sources.list().queues,
        now_ms=own.clock(),
        window=asked["window"] or "1h",
        queue=queue_or_404(asked["queue"]) if asked["queue"] else None,
        sees_all=own.sources.limits() is None,
    )
    return Metrics(
        page.window.name, page.queue, page.point_ms, page.points, page.total, page.rows, page.since_ms, page.gaps
    )


def _changed(group: str, verb: group_actions.GroupVerb, mute_ms: int = 0) -> shapes.ActionResult:
    outcome, queue = change_group(group, verb, mute_ms)
    return shapes.acted(verb, queue, outcome)


def _group(row: GroupRow) -> FailureGroup:
    return FailureGroup(
        group=row.name,
        error=row.error,
        message=row.pattern,
        place=row.place,
        trend=str(row.trend.words),
        job_names=row.job_names,
        queues=row.queues,
        jobs=row.jobs,
        total=row.total,
        first_at_ms=row.first_ms,
        last_at_ms=row.last_ms,
        retried=row.retried,
        succeeded=row.succeeded,
        status=row.status,
        muted_until_ms=row.until_ms,
        changed_by=row.changed_by,
    )
