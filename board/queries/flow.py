"""Flows: the tree of jobs around one job, and the list of parents that wait for children."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from board.engine.calls import Batch
from board.engine.commands.pages import BelowReading, ChildReading, FlowNodeReading, FlowReading, queue_of, whole_number
from board.engine.commands.pages import read_children as read_children_call
from board.engine.commands.pages import read_flow as read_flow_call
from board.engine.keys import QueueKeys
from board.engine.types import ChildCounts
from board.errors import UnknownJobError
from board.queries.failures import TEXT_LIMIT, read_newest_jobs
from board.queries.family import FlowNode, flow_link
from board.queries.held_back import held_back
from board.queries.ignoring import NOT_FAILED, Ignoring, ignoring
from board.queries.rows import JobRow, due_of, progress_text, without_hidden
from board.queries.shared import Known, QueueName, Reads, clamp_size, queue_name
from board.queries.stack import message_line
from board.redaction import redact_text

__all__ = ["Bar", "ChildrenPage", "FlowPage", "FlowsPage", "read_children", "read_flow", "read_flows"]


@dataclass(frozen=True, slots=True)
class Bar:
    """One of the bars that tell when the children of a wide node ended, of those asked: done and failed."""

    done: int
    failed: int


@dataclass(frozen=True, slots=True)
class FlowPage:
    """One flow. Only ``root`` has children; jobs named beside it are without.

    Attributes:
        queue: of the job asked for.
        id: of the job asked for.
        root: its topmost ancestor that is still there.
        node_count: jobs shown.
        depth_cut: some jobs have children of which none is shown.
        measured_at_ms: when.
        failed: jobs shown that failed, the deepest of each branch: their retry lets the others go on.
        blocked: what the root waits for, as a sentence; empty when it waits for nothing.
        path: keys of the jobs that took, or take, longest: from the root down.
        path_end: the last of them.
        asked: the job asked for, as in the tree; None where the tree ends before it.
        above: those above it that wait for it, nearest first.
        parent: the one right above it, whether it waits or not; None at the root.
        ignoring: whether that one can go on without it.
        view: which jobs are shown: ``all``, ``failed`` or ``path``, with those above them.
        q: only jobs with this in name or id, with those above them.
        from_ms: when the flow began: the left end of the axis.
        to_ms: the right end of the axis.
        ticks: distances from the left end, ms.
        bars: key of a wide node to bars over the axis.
    """

    queue: QueueName
    id: str
    root: FlowNode
    node_count: int
    depth_cut: bool
    measured_at_ms: int
    failed: tuple[FlowNode, ...] = ()
    blocked: str = ""
    path: frozenset[str] = frozenset()
    path_end: FlowNode | None = None
    asked: FlowNode | None = None
    above: tuple[FlowNode, ...] = ()
    parent: FlowNode | None = None
    ignoring: Ignoring = NOT_FAILED
    view: str = "all"
    q: str = ""
    from_ms: int = 0
    to_ms: int = 1
    ticks: tuple[int, ...] = ()
    bars: Mapping[str, tuple[Bar, ...]] = field(default_factory=dict)

    @property
    def shows_asked(self) -> bool:
        """Whether the job asked for is among those shown: a filter may leave it out."""
        return bool(_way(self.root))


@dataclass(frozen=True, slots=True)
class ChildrenPage:
    """The children of one job, failed ones first, then those that run.

    Attributes:
        parent: the job, without children.
        children: those of this page.
        start: how many come before.
        total: how many it has.
        next_start: where the next page begins; None on the last.
        measured_at_ms: when.
    """

    parent: FlowNode
    children: tuple[FlowNode, ...]
    start: int
    total: int
    next_start: int | None
    measured_at_ms: int


@dataclass(frozen=True, slots=True)
class FlowsPage:
    """Parents that wait for their children, over all queues, latest first; fields as in ``FailuresPage``.

    Attributes:
        below: of each of them how far all jobs below it are; None where it could not be read.
    """

    jobs: tuple[JobRow, ...]
    below: tuple[BelowReading | None, ...]
    queue_count: int
    total: int
    q: str
    size: int
    next_after: str | None
    searched: int
    measured_at_ms: int


def read_flow(
    connection: Reads, known: Known, queue: QueueKeys, job_id: str, *, now_ms: int, view: str = "all", q: str = ""
) -> FlowPage:
    """Read the tree that a job belongs to, in one round trip.

    Args:
        connection: to Redis.
        known: which queues are shown, and how much of their jobs.
        queue: of the job.
        job_id: any job of the flow.
        now_ms: time.
        view: ``all``, or only what ``failed``, or the longest ``path``; anything else is ``all``.
        q: text that name or id of a job must hold.

    Raises:
        UnknownJobError: nothing is left of the job.
    """
    reading = connection.batch(Batch.of([read_flow_call(queue, job_id)]))[0]
    key = queue.job(job_id)
    if not any(node.key == key and node.state is not None for node in reading.nodes):
        raise UnknownJobError(job_id, queue=queue.name, slug=known.slug(queue))
    children: dict[int, list[int]] = {}
    for at, node in enumerate(reading.nodes):
        if node.parent is not None:
            children.setdefault(node.parent, []).append(at)
    root = _node(reading, 0, children, known, key)
    way = _way(root)
    path = tuple(_path(root))
    failed = tuple(_failed(root))
    from_ms, to_ms = _span(root, now_ms)
    view, q = view if view in VIEWS else "all", q.strip()[:TEXT_LIMIT]
    wanted = {"all": None, "failed": {one.link.key for one in failed}, "path": {one.link.key for one in path}}[view]
    return FlowPage(
        queue=queue_name(queue, known),
        id=job_id,
        root=_only(root, wanted, q.casefold()),
        node_count=len(reading.nodes),
        depth_cut=any(_hidden(node) > 0 and not node.shown for node in reading.nodes),
        measured_at_ms=now_ms,
        failed=tuple(map(_bare, failed)),
        blocked=held_back(root, now_ms),
        path=frozenset(one.link.key for one in path),
        path_end=_bare(path[-1]),
        asked=_bare(way[0]) if way else None,
        above=tuple(map(_bare, _held(way))),
        parent=_bare(way[1]) if way[1:] else None,
        ignoring=_ignoring(way, is_apart=any(node.is_apart for node in reading.nodes)),
        view=view,
        q=q,
        from_ms=from_ms,
        to_ms=to_ms,
        ticks=_ticks(to_ms - from_ms),
        bars={
            node.key: _bars(node.ends, from_ms, to_ms) for node in reading.nodes if node.ends and _shown(node, known)
        },
    )


def read_children(
    connection: Reads, known: Known, queue: QueueKeys, job_id: str, *, now_ms: int, start: int = 0
) -> ChildrenPage:
    """Read a hundred children of a job, in one round trip.

    Raises:
        UnknownJobError: nothing is left of the job.
    """
    start = min(max(start, 0), FARTHEST)
    node, children, ordered = connection.batch(Batch.of([read_children_call(queue, job_id, start=start, size=PAGE)]))[0]
    if node.state is None:
        raise UnknownJobError(job_id, queue=queue.name, slug=known.slug(queue))
    reading = FlowReading(0, (node, *children))
    counts = node.counts
    following = start + PAGE
    return ChildrenPage(
        parent=_node(reading, 0, {}, known, ""),
        children=tuple(_node(reading, at, {}, known, "") for at in range(1, len(reading.nodes))),
        start=start,
        total=counts.processed + counts.unprocessed + counts.ignored + counts.failed,
        next_start=following if following < min(ordered, FARTHEST) else None,
        measured_at_ms=now_ms,
    )


def read_flows(
    connection: Reads,
    known: Known,
    queues: Sequence[QueueKeys],
    *,
    now_ms: int,
    q: str = "",
    size: int = 20,
    after: str = "",
) -> FlowsPage:
    """Read the parents that wait for children, in one round trip."""
    found = read_newest_jobs(
        connection, known, queues, "waiting-children", size=size, after=after, text=q, below=LOOKED_INTO
    )
    return FlowsPage(
        jobs=found.jobs,
        below=found.below,
        queue_count=len(queues),
        total=found.total,
        q=q.strip()[:TEXT_LIMIT],
        size=clamp_size(size),
        next_after=found.next_after,
        searched=found.searched,
        measured_at_ms=now_ms,
    )


VIEWS = ("all", "failed", "path")
BARS = 60
"""Bars over the whole axis."""

STEPS_MS = (
    *(1, 2, 5, 10, 20, 50, 100, 200, 500),
    *(1_000 * step for step in (1, 2, 5, 10, 15, 30)),
    *(60_000 * step for step in (1, 2, 5, 10, 15, 30)),
    *(3_600_000 * step for step in (1, 2, 3, 6, 12)),
    *(86_400_000 * step for step in (1, 2, 5, 10, 30, 90, 365)),
)
"""Distances between two ticks that people read easily."""

PAGE = 100
"""Children on one page."""

LOOKED_INTO = 50
"""Jobs below each flow of the list that are looked into; what hangs right below a job is counted without a look. The
script looks into a thousand for a page: some five ms of the server's time, fifteen where all have children."""

FARTHEST = 20_000
"""So many children can be put in order; those beyond are not shown."""


def _failed(node: FlowNode) -> Iterator[FlowNode]:
    """Yield the failed jobs of a tree below which none has failed."""
    below = [one for child in node.children for one in _failed(child)]
    if below:
        yield from below
    elif node.state == "failed" and node.link.kind != "forgotten":
        yield node


def _only(node: FlowNode, wanted: set[str] | None, q: str) -> FlowNode:
    """Return a tree without the branches in which nothing is wanted; the root stays."""

    def fits(one: FlowNode) -> bool:
        return (wanted is None or one.link.key in wanted) and q in f"{one.name or ''} {one.link.id}".casefold()

    def kept(one: FlowNode) -> FlowNode | None:
        below = tuple(found for child in one.children if (found := kept(child)) is not None)
        return replace(one, children=below) if below or fits(one) else None

    return node if wanted is None and not q else kept(node) or replace(node, children=())


def _bare(node: FlowNode) -> FlowNode:
    """Return a job of the tree without those below it."""
    return replace(node, children=())


def _way(node: FlowNode) -> list[FlowNode]:
    """Return the job asked for and those above it, nearest first; nothing where the tree ends before it."""
    if node.is_asked:
        return [node]
    found = next((way for child in node.children if (way := _way(child))), [])
    return [*found, node] if found else []


def _held(way: Sequence[FlowNode]) -> Iterator[FlowNode]:
    """Yield those above the job asked for that wait for it, nearest first: up to the first that does not."""
    for child, parent in pairwise(way):
        if parent.state != "waiting-children" or child.link.kind not in ("unprocessed", "failed"):
            return
        yield parent


def _ignoring(way: Sequence[FlowNode], *, is_apart: bool) -> Ignoring:
    """Say whether the parent of the job asked for can go on without it."""
    if not way:
        return NOT_FAILED
    job, parent = way[0], way[1] if way[1:] else None
    if parent is None:
        return ignoring(job.state, None, "", None)
    return ignoring(job.state, parent.link, job.link.kind, parent.counts, is_apart=is_apart)


def _all(node: FlowNode) -> Iterator[FlowNode]:
    yield node
    for child in node.children:
        yield from _all(child)


def _span(root: FlowNode, now_ms: int) -> tuple[int, int]:
    """Return both ends of the axis. While a flow goes on there is some room after now."""
    nodes = [node for node in _all(root) if node.added_at_ms is not None]
    from_ms = min((node.added_at_ms or now_ms for node in nodes), default=now_ms)
    if root.finished_at_ms is None:
        return from_ms, max(from_ms + 1, now_ms + (now_ms - from_ms) // 12)
    return from_ms, max([from_ms + 1, *(node.finished_at_ms or now_ms for node in nodes)])


def _ticks(length_ms: int) -> tuple[int, ...]:
    step = next((step for step in STEPS_MS if length_ms / step <= 6), length_ms)
    return tuple(range(0, length_ms, step))


def _bars(ends: Sequence[tuple[int, bool]], from_ms: int, to_ms: int) -> tuple[Bar, ...]:
    done, failed = [0] * BARS, [0] * BARS
    for at_ms, is_failed in ends:
        at = min(BARS - 1, max(0, BARS * (at_ms - from_ms) // (to_ms - from_ms)))
        (failed if is_failed else done)[at] += 1
    return tuple(map(Bar, done, failed))


def _path(node: FlowNode) -> Iterator[FlowNode]:
    """Yield the longest path: from each job to the child that ended last, or has not ended yet."""
    yield node
    dated = [child for child in node.children if child.added_at_ms is not None]
    if dated:
        yield from _path(max(dated, key=_ended))


def _ended(node: FlowNode) -> tuple[bool, int]:
    is_open = node.finished_at_ms is None
    return is_open, -(node.processed_at_ms or node.added_at_ms or 0) if is_open else node.finished_at_ms or 0


_KINDS = {"failed": 0, "ignored": 1, "unprocessed": 2, "processed": 3, "forgotten": 4}


def _node(reading: FlowReading, at: int, children: dict[int, list[int]], known: Known, asked: str) -> FlowNode:
    """Build a node and those below it; the script bounds how deep that goes."""
    node = reading.nodes[at]
    child = ChildReading(node.kind, node.key, node.base, node.id, node.state, node.fields.get("name"))
    link = flow_link(child, known, kind=node.kind)
    if not link.key:
        link = replace(link, key=f"not-shown-{at}")
    below = sorted(children.get(at, ()), key=lambda one: _order(reading.nodes[one]))
    shown = link.queue is not None
    fields = node.fields if shown else {}
    keys = queue_of(node.base) if shown else None
    carried = fields if keys is not None and known.shows_data(keys) else {}
    progress, reason = carried.get("progress"), without_hidden(carried.get("failedReason"), known)
    return FlowNode(
        link=link,
        name=link.name,
        state=link.state or "unknown",
        progress=progress_text(progress) if progress is not None else None,
        counts=node.counts if shown and node.counts != ChildCounts() else None,
        children=tuple(_node(reading, one, children, known, asked) for one in below),
        more=_hidden(node) if shown else 0,
        failed_reason=message_line(redact_text(reason)) if reason is not None else None,
        is_asked=node.key == asked,
        added_at_ms=whole_number(fields.get("timestamp")),
        processed_at_ms=whole_number(fields.get("processedOn")),
        finished_at_ms=whole_number(fields.get("finishedOn")),
        due_at_ms=due_of(node.score) if shown and link.state == "delayed" else None,
        worker=fields.get("pb"),
        attempts_made=whole_number(fields.get("atm")) or 0,
    )


def _shown(node: FlowNodeReading, known: Known) -> bool:
    keys = queue_of(node.base)
    return keys is not None and known.is_shown(keys)


def _order(node: FlowNodeReading) -> tuple[int, str]:
    urgent = {"failed": -2, "active": -1}.get(node.state or "") if node.kind != "forgotten" else None
    return _KINDS.get(node.kind, 9) if urgent is None else urgent, node.key


def _hidden(node: FlowNodeReading) -> int:
    counts = node.counts
    return max(0, counts.processed + counts.unprocessed + counts.ignored + counts.failed - node.shown)
