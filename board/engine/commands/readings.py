"""What the commands for pages read: values as they came from Redis, cut to what a page can show.

Nothing here is made ready to be seen by a person; that is the business of whoever draws the page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from board.engine.errors import UsageError
from board.engine.keys import QueueKeys
from board.engine.types import ChildCounts, JobCounts, QueueMeta

__all__ = [
    "ChildReading",
    "Cursor",
    "Cut",
    "FlowNodeReading",
    "FlowReading",
    "JobReading",
    "NewestReading",
    "PageReading",
    "ParentReading",
    "QueueReading",
    "RowReading",
]

_SCORE = re.compile(r"-?(?:\d{1,20}(?:\.\d{1,20})?(?:e[+-]?\d{1,3})?|inf)")


@dataclass(frozen=True, slots=True)
class Cut:
    """A text that may have been cut.

    Attributes:
        text: its beginning; None when it is absent or was too long to be read at all.
        length: bytes it has altogether.
        is_whole: nothing is missing.
    """

    text: str | None
    length: int
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the next page begins.

    Attributes:
        score: of the last member shown, exactly as Redis wrote it; in a list, how many entries come before.
        member: the last member shown; empty in a list.
        base: base of the queue it was in, for pages over many queues.
    """

    score: str
    member: str = ""
    base: str = ""

    def __post_init__(self) -> None:
        if not _SCORE.fullmatch(self.score):
            raise UsageError(f"{self.score!r} is not a place in a list")


@dataclass(frozen=True, slots=True)
class QueueReading:
    """One queue in a line.

    Attributes:
        queue: its keys.
        counts: jobs in each state.
        meta: its meta hash.
        limited_ms: rate limited for so long; None when it is not, or when the limit is known to workers only.
        waiting_since_ms: since when the next job in line waits; None when nothing waits or its hash cannot tell.
        problems: keys that could not be read, in words.
    """

    queue: QueueKeys
    counts: JobCounts
    meta: QueueMeta
    limited_ms: int | None = None
    waiting_since_ms: int | None = None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BelowReading:
    """How far the jobs below one are, those below its children included.

    Attributes:
        done: jobs that ended, in whatever way.
        total: jobs that were counted.
        is_cut: not all of these were looked into, so that there may be more below them.
    """

    done: int
    total: int
    is_cut: bool


@dataclass(frozen=True, slots=True)
class RowReading:
    """A job as a table shows it.

    Attributes:
        queue: where it is.
        id: job id.
        state: wire name of the state; ``paused`` for release 5's list of that name.
        kind: ``hash``; ``none`` when the id is listed but the job is gone; else the type the key has instead.
        score: of its sorted set, as text.
        fields: the short fields of the hash under their names on the wire.
        data: beginning of the payload.
        return_value: beginning of the result; None in other states than completed.
        error_name: class of its newest error.
        lock_ms: time left on its lock; negative without one; None where it was not asked.
        children: None where they were not asked.
        below: how far all jobs below it are; None where it was not asked.
        is_next_run: it is the pending iteration of a live job scheduler.
        has_long_options: its options are there and too long for a table.
    """

    queue: QueueKeys
    id: str
    state: str
    kind: str
    score: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    data: Cut | None = None
    return_value: Cut | None = None
    error_name: str | None = None
    lock_ms: int | None = None
    children: ChildCounts | None = None
    below: BelowReading | None = None
    is_next_run: bool = False
    has_long_options: bool = False


@dataclass(frozen=True, slots=True)
class PageReading:
    """One page of the jobs of one state.

    Attributes:
        summary: the queue's counts and conditions.
        rows: the jobs, each as ``unpack_row`` takes it: the same bytes as long as nothing about the job changes.
        start: how many jobs come before the first.
        last: cursor of the next page; None on the last one.
        searched: jobs looked at; more than ``rows`` when a filter is on.
        found: the job with exactly the id looked for.
        error_counts: errors of the newest failed jobs, with how often each occurs.
    """

    summary: QueueReading
    rows: tuple[bytes, ...]
    start: int
    last: Cursor | None
    searched: int
    found: RowReading | None
    error_counts: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class NewestReading:
    """The newest members of one sorted set over many queues, merged.

    Attributes:
        total: members of that set over all the queues.
        rows: the jobs.
        last: cursor of the next page; None on the last one.
        searched: jobs looked at.
        error_counts: as in ``PageReading``.
    """

    total: int
    rows: tuple[RowReading, ...]
    last: Cursor | None
    searched: int
    error_counts: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class ChildReading:
    """One child of a job.

    Attributes:
        kind: ``processed``, ``unprocessed``, ``ignored`` or ``failed``, as BullMQ's lists of dependencies are called.
        key: full key of its hash.
        base: base of its queue.
        id: its job id.
        state: None when it is gone, ``unknown`` when no container of its queue holds it.
        name: job name.
    """

    kind: str
    key: str
    base: str
    id: str
    state: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class ParentReading:
    """The parent of a job; fields as in ``ChildReading``, and how the two stand.

    Attributes:
        policy: what this child's failure does to it.
        kind: what became of this child for it, as in ``FlowNodeReading``.
        child_counts: how all its children stand.
        failed_itself: it had failed for a reason of its own before this child failed.
    """

    key: str
    base: str
    id: str
    state: str | None
    name: str | None
    policy: str | None
    kind: str
    child_counts: ChildCounts
    failed_itself: bool = False


@dataclass(frozen=True, slots=True)
class JobReading:
    """Everything about one job.

    Attributes:
        queue: where it is.
        id: job id.
        kind: ``hash``, ``none`` or the type that the key has instead.
        state: wire name; ``unknown`` when no container holds it.
        rank: jobs before it, in the order its list is shown; None when not known.
        total: jobs in its state; None when not known.
        score: of its sorted set, as text.
        previous_id: neighbour before it.
        next_id: neighbour after it.
        fields: every field of the hash, long ones cut.
        fields_total: how many fields it has.
        lock_ms: time left on its lock, negative without one.
        is_stoppable: the worker that holds it looks for requests to stop.
        stop_reason: why somebody asked for it to be stopped; None when nobody has.
        ttl_ms: time until its hash expires, negative when it does not.
        logs: lines from ``logs_from`` on.
        logs_from: index of the first line shown.
        logs_total: lines altogether.
        child_counts: how its children stand.
        children: the first of each kind.
        parent: None without one.
        is_next_run: it is the pending iteration of a live job scheduler.
    """

    queue: QueueKeys
    id: str
    kind: str
    state: str
    rank: int | None = None
    total: int | None = None
    score: str | None = None
    previous_id: str | None = None
    next_id: str | None = None
    fields: Mapping[str, Cut] = field(default_factory=dict)
    fields_total: int = 0
    lock_ms: int = -2
    is_stoppable: bool = False
    stop_reason: str | None = None
    ttl_ms: int = -1
    logs: tuple[str, ...] = ()
    logs_from: int = 0
    logs_total: int = 0
    child_counts: ChildCounts = field(default_factory=ChildCounts)
    children: tuple[ChildReading, ...] = ()
    parent: ParentReading | None = None
    is_next_run: bool = False


@dataclass(frozen=True, slots=True)
class FlowNodeReading:
    """One job of a flow.

    Attributes:
        key: full key of its hash.
        base: base of its queue.
        id: job id.
        state: None when it is gone.
        parent: place of its parent in the reading; None for the root.
        kind: ``root``, the kind of child as in ``ChildReading``, or ``forgotten``: its parent was told to drop it.
        level: 0 for the root.
        counts: how its children stand.
        shown: how many of its children the reading holds.
        fields: name, progress, failedReason, times, worker and attempts, under their names on the wire.
        score: of one that is delayed, which tells when it may run.
        ends: of a node with more children than are shown, when some of them ended, ms, and whether they failed.
        is_apart: it is the job asked for, and its parent had failed for a reason of its own before it did.
    """

    key: str
    base: str
    id: str
    state: str | None
    parent: int | None
    kind: str
    level: int
    counts: ChildCounts
    shown: int
    fields: Mapping[str, str]
    score: str | None = None
    ends: tuple[tuple[int, bool], ...] = ()
    is_apart: bool = False


@dataclass(frozen=True, slots=True)
class FlowReading:
    """A tree of jobs, parents before their children.

    Attributes:
        climbed: how many ancestors the job asked for has in it.
        nodes: the first one is the root.
    """

    climbed: int
    nodes: tuple[FlowNodeReading, ...]


@dataclass(frozen=True, slots=True)
class EndReading:
    """What a job that ended says about itself.

    Attributes:
        name: of the job.
        added_at_ms: when it was added.
        delay_ms: how long it was not to run.
        started_at_ms: when its latest attempt began.
        finished_at_ms: when that ended.
        reason: why it failed; cut.
        trace: its newest stack trace; cut, and empty when none is kept or was asked for.
    """

    name: str
    added_at_ms: int | None
    delay_ms: int | None
    started_at_ms: int | None
    finished_at_ms: int | None
    reason: str
    trace: str
