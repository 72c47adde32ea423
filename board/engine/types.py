"""The engine's nouns: job states, options and what a job looks like when it is read.

Frozen values without behaviour beyond small constructors. Inside the engine every duration and every moment is an
integer of milliseconds and its name ends in ``_ms``; only the options that people write also take ``timedelta``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, NewType

from board.engine.hints import with_hints
from board.engine.values import value

__all__ = [
    "FINISHED_STATES",
    "OPEN_STATES",
    "UNSET",
    "Backoff",
    "ChildCounts",
    "Deduplication",
    "Duration",
    "Fetched",
    "FlowJob",
    "JobCounts",
    "JobData",
    "JobId",
    "JobOptions",
    "JobState",
    "JsonValue",
    "Keep",
    "LogPage",
    "ParentRef",
    "QueueMeta",
    "RateLimit",
    "Repeat",
    "SchedulerData",
    "Unset",
]

JobId = NewType("JobId", str)
JsonValue = Any
"""Anything JSON can hold: None, bool, int, float, str, and lists and dicts (string keys) of them."""

Duration = int | float | timedelta
"""Milliseconds, or a ``timedelta``."""


class Unset:
    """Marks an argument that was not given, where None is a value of its own."""

    def __repr__(self) -> str:
        return "<unset>"


UNSET = Unset()
"""A payload that was not given: stored as an empty object, where None is stored as `null`."""


class JobState(StrEnum):
    """Where a job is. The containers in Redis decide; there is no state field in the job."""

    WAITING = "waiting"
    ACTIVE = "active"
    PRIORITIZED = "prioritized"
    DELAYED = "delayed"
    WAITING_CHILDREN = "waiting-children"
    COMPLETED = "completed"
    FAILED = "failed"
    UNKNOWN = "unknown"


OPEN_STATES = (
    JobState.ACTIVE,
    JobState.WAITING,
    JobState.PRIORITIZED,
    JobState.DELAYED,
    JobState.WAITING_CHILDREN,
)
FINISHED_STATES = (JobState.COMPLETED, JobState.FAILED)


@with_hints
@dataclass(frozen=True, slots=True)
class Backoff:
    """How long a failed attempt waits before the next one.

    Attributes:
        type: ``fixed``, ``exponential`` or the name of a strategy registered with the worker.
        delay: base of the formula, ms or ``timedelta``.
        jitter: 0 to 1, the share of the delay that is random.
    """

    type: str = "fixed"
    delay: Duration = 0
    jitter: float | None = None

    @classmethod
    def fixed(cls, delay: Duration, *, jitter: float | None = None) -> Backoff:
        """Wait ``delay`` before every retry."""
        return cls("fixed", delay, jitter)

    @classmethod
    def exponential(cls, delay: Duration, *, jitter: float | None = None) -> Backoff:
        """Wait ``delay``, then twice as long each time."""
        return cls("exponential", delay, jitter)


@with_hints
@dataclass(frozen=True, slots=True)
class Keep:
    """How many finished jobs stay, and for how long.

    Attributes:
        count: keep the newest this many; 0 removes at once, None keeps all.
        age: keep those younger than this, whole seconds on the wire; ms here, or ``timedelta``.
        limit: most jobs that one finish may evict by age.
    """

    count: int | None = None
    age: Duration | None = None
    limit: int | None = None


@with_hints
@dataclass(frozen=True, slots=True)
class Deduplication:
    """Ignore, delay or replace jobs that share an id.

    Attributes:
        id: the shared id.
        ttl: length of the window, ms or ``timedelta``; None lasts until the owner finishes.
        extend: a duplicate starts the window anew.
        replace: a duplicate replaces an owner that is still delayed.
        keep_last_if_active: while the owner runs, the newest duplicate is kept and becomes a job afterwards.
        reschedule: a duplicate moves an owner that is still delayed to its own delay.
    """

    id: str
    ttl: Duration | None = None
    extend: bool = False
    replace: bool = False
    keep_last_if_active: bool = False
    reschedule: bool = False


@dataclass(frozen=True, slots=True)
class ParentRef:
    """The parent of a job that is being added.

    Attributes:
        id: the parent's job id.
        queue: the parent's qualified queue name, prefix and name joined by a colon.
    """

    id: str
    queue: str


@with_hints
@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most ``max`` starts in each window of ``duration`` (ms or ``timedelta``), counted for the whole queue."""

    max: int
    duration: Duration


@with_hints
@dataclass(frozen=True, slots=True)
class Repeat:
    """When a job scheduler makes jobs: a cron ``pattern`` or ``every`` so long, not both.

    Attributes:
        pattern: cron text, five fields or six with seconds first.
        every: ms or ``timedelta`` between runs.
        tz: IANA zone for ``pattern``; None is the zone of the process.
        limit: most runs altogether.
        start_date_ms: nothing before this moment.
        end_date_ms: nothing after this moment.
        offset: ms within the grid of ``every``.
        immediately: the first run is now (``pattern`` only; ``every`` without a start date always begins now).
    """

    pattern: str | None = None
    every: Duration | None = None
    tz: str | None = None
    limit: int | None = None
    start_date_ms: int | None = None
    end_date_ms: int | None = None
    offset: int | None = None
    immediately: bool = False


@with_hints
@dataclass(frozen=True, slots=True)
class JobOptions:
    """What a producer may ask for one job. Unset (None) fields take the queue's defaults, then BullMQ's.

    Attributes:
        attempts: tries altogether; 0 and 1 both mean one try.
        backoff: wait between attempts; an int is ``Backoff.fixed``.
        delay: ms or ``timedelta`` before the job may start.
        priority: 1 (first) to 2,097,151; 0 or None is before all of them.
        lifo: run before everything that waits already.
        job_id: an id of one's own; adding it again changes nothing.
        timestamp_ms: creation time; None is now.
        remove_on_complete: True at once, False never, an int keeps that many, or ``Keep``.
        remove_on_fail: the same for failed jobs.
        stack_trace_limit: how many attempts' stack traces are kept.
        size_limit: most bytes of the JSON of the data; larger is refused.
        keep_logs: most log lines kept.
        deduplication: see ``Deduplication``.
        parent: attach the job to this parent.
        fail_parent_on_failure: if this job fails for good, its parent fails.
        continue_parent_on_failure: if it fails, the parent runs at once.
        ignore_dependency_on_failure: if it fails, the parent does not wait for it.
        remove_dependency_on_failure: the same, and it is forgotten.
        telemetry_metadata: trace context carried with the job.
        omit_context: carry no trace context.
        extra: options of other libraries, stored as they are under their own names.
    """

    attempts: int | None = None
    backoff: Backoff | int | None = None
    delay: Duration | None = None
    priority: int | None = None
    lifo: bool | None = None
    job_id: str | None = None
    timestamp_ms: int | None = None
    remove_on_complete: bool | int | Keep | None = None
    remove_on_fail: bool | int | Keep | None = None
    stack_trace_limit: int | None = None
    size_limit: int | None = None
    keep_logs: int | None = None
    deduplication: Deduplication | None = None
    parent: ParentRef | None = None
    fail_parent_on_failure: bool | None = None
    continue_parent_on_failure: bool | None = None
    ignore_dependency_on_failure: bool | None = None
    remove_dependency_on_failure: bool | None = None
    telemetry_metadata: str | None = None
    omit_context: bool | None = None
    extra: Mapping[str, JsonValue] | None = None


NO_OPTIONS = JobOptions()
"""Nothing said about a job."""


@with_hints
@dataclass(frozen=True, slots=True)
class FlowJob:
    """A node of a flow: a job and the children that must finish before it runs.

    Attributes:
        name: job name.
        queue: queue name.
        data: payload.
        options: job options of this node.
        children: nodes that run first.
        prefix: key prefix of the node's queue; None takes the producer's.
    """

    name: str
    queue: str
    data: JsonValue = UNSET
    options: JobOptions | None = None
    children: Sequence[FlowJob] = ()
    prefix: str | None = None


@value(frozen=True, slots=True)
class JobData:
    """A job as it was read from Redis.

    Everything a hash may lack has a default, so that a broken job can still be shown; ``problems`` says in words what
    was missing or could not be read. Fields marked *finish* are set when the job ends and cleared by a manual retry.

    Attributes:
        id: job id.
        name: job name; None when the hash has none.
        data: decoded payload; None when absent or not JSON (see ``problems``).
        data_text: the payload as it is stored.
        options: decoded options with their long names (``failParentOnFailure``, not ``fpof``).
        timestamp_ms: creation.
        delay_ms: current delay: from adding, rewritten by backoff, 0 after promotion.
        priority: current priority, 0 for none.
        attempts_started: activations, stalls included.
        processed_on_ms: latest activation; cleared by a manual retry.
        worker: name of the worker that took it last.
        raw: every field of the hash as text.
        attempts_made: attempts that ended and counted; a manual retry keeps it unless asked to reset it.
        stalled_count: how often the job was taken back from a lost worker.
        finished_on_ms: *finish*.
        return_value: *finish*, decoded; None when absent.
        return_text: *finish*, as stored; None when absent.
        failed_reason: message of the latest failure; kept while retries run, cleared by a manual retry.
        stacktrace: one text per failed attempt, oldest first.
        progress: decoded; 0 when never set.
        deferred_failure: the next worker fails the job with this text instead of running it.
        parent_key: full key of the parent's hash.
        parent_id: the parent's job id.
        parent_queue: the parent's qualified queue name.
        parent_policy: ``fpof``, ``cpof``, ``idof``, ``rdof`` or None.
        scheduler_id: the scheduler that made the job.
        deduplication_id: its deduplication id.
        problems: what is missing or unreadable, in words; empty for a sound job.
    """

    id: str
    name: str | None = None
    data: JsonValue = None
    data_text: str = ""
    options: Mapping[str, JsonValue] = field(default_factory=dict)
    timestamp_ms: int | None = None
    delay_ms: int = 0
    priority: int = 0
    attempts_started: int = 0
    processed_on_ms: int | None = None
    worker: str | None = None
    raw: Mapping[str, str] = field(default_factory=dict)
    attempts_made: int = 0
    stalled_count: int = 0
    finished_on_ms: int | None = None
    return_value: JsonValue = None
    return_text: str | None = None
    failed_reason: str | None = None
    stacktrace: tuple[str, ...] = ()
    progress: JsonValue = 0
    deferred_failure: str | None = None
    parent_key: str | None = None
    parent_id: str | None = None
    parent_queue: str | None = None
    parent_policy: str | None = None
    scheduler_id: str | None = None
    deduplication_id: str | None = None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JobCounts:
    """How many jobs of a queue are in each state; ``paused`` is the list that release 5 keeps for a paused queue."""

    waiting: int = 0
    active: int = 0
    prioritized: int = 0
    delayed: int = 0
    waiting_children: int = 0
    completed: int = 0
    failed: int = 0
    paused: int = 0


@dataclass(frozen=True, slots=True)
class QueueMeta:
    """The meta hash of a queue.

    Attributes:
        exists: whether the queue has a meta hash.
        paused: workers take no jobs.
        version: what the last Node client wrote, such as ``bullmq:6.7.0``; None from other clients.
        concurrency: global limit of active jobs.
        limit_max: global rate limit, starts per window.
        limit_duration_ms: its window.
        max_events: length the events stream is trimmed to.
    """

    exists: bool = False
    paused: bool = False
    version: str | None = None
    concurrency: int | None = None
    limit_max: int | None = None
    limit_duration_ms: int | None = None
    max_events: int | None = None

    @property
    def release(self) -> int | None:
        """The major release of BullMQ that the last Node client was, if it said."""
        if self.version is None or not self.version.startswith("bullmq:"):
            return None
        major = self.version.removeprefix("bullmq:").partition(".")[0]
        return int(major) if major.isdecimal() else None


@value(frozen=True, slots=True)
class Fetched:
    """What a worker got when it asked for a job.

    Attributes:
        job: the job, now active and locked; None when there was none.
        limited_ms: the queue is rate limited for this long; 0 when it is not.
        next_delayed_ms: moment at which the earliest delayed job is due; 0 when there is none.
    """

    job: JobData | None = None
    limited_ms: int = 0
    next_delayed_ms: int = 0


@dataclass(frozen=True, slots=True)
class LogPage:
    """Lines of a job's log and how many there are altogether."""

    lines: tuple[str, ...]
    total: int


@dataclass(frozen=True, slots=True)
class ChildCounts:
    """How the children of a job stand."""

    processed: int = 0
    unprocessed: int = 0
    ignored: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class SchedulerData:
    """A job scheduler as it was read.

    Attributes:
        id: scheduler id.
        name: name of the jobs it makes.
        next_ms: moment of the pending iteration.
        repeat: when it makes jobs.
        iteration_count: how many it has made.
        data: payload template, None when there is none.
        options: option template with long names.
        legacy: written by release 5's repeatable jobs, without iteration count and template.
    """

    id: str
    name: str | None
    next_ms: int | None
    repeat: Repeat
    iteration_count: int | None = None
    data: JsonValue = None
    options: Mapping[str, JsonValue] = field(default_factory=dict)
    legacy: bool = False
