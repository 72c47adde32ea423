"""What other programs ask about the queues: whether they keep their limits, and figures for Prometheus.

One round trip for both, whatever the number of queues.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from board.engine.errors import EngineError
from board.engine.keys import QueueKeys
from board.limits import Limits, limits_for
from board.queries.overview import read_every
from board.queries.shared import Counts, Reads
from board.queries.text import count_of
from board.queries.workers import count_workers
from board.spans import duration

__all__ = ["MOST_PROBLEMS", "MonitorReading", "Problem", "QueueFigures", "health_body", "problems_of", "read_monitor"]

MOST_PROBLEMS = 100
"""Reasons in one answer; the rest is counted."""

FEW_FAILED = 10
"""Fewer failures say little about their share."""


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """One queue.

    Attributes:
        queue: its keys.
        counts: jobs in each state.
        is_paused: workers take nothing from it.
        workers: connected workers; None when that cannot be known.
        oldest_ms: how long the next job in line waits; None when nothing waits, or nobody can tell.
        limited_ms: how long no job is started; None when it is not limited.
        error: why it could not be read; the rest means nothing then.
    """

    queue: QueueKeys
    counts: Counts
    is_paused: bool
    workers: int | None
    oldest_ms: int | None
    limited_ms: int | None
    error: str


@dataclass(frozen=True, slots=True)
class MonitorReading:
    """All queues at one moment.

    Attributes:
        queues: those with most open jobs first.
        is_complete: every queue of the keyspace was found already.
        measured_at_ms: when.
    """

    queues: tuple[QueueFigures, ...]
    is_complete: bool
    measured_at_ms: int


@dataclass(frozen=True, slots=True)
class Problem:
    """A limit that a queue does not keep.

    Attributes:
        prefix: of the queue.
        queue: its name.
        limit: which limit.
        value: what it is, in the unit of the limit; None when it could not be read.
        allowed: what it may be.
        sentence: all that in words.
    """

    prefix: str
    queue: str
    limit: str
    value: int | None
    allowed: int | None
    sentence: str


def read_monitor(connection: Reads, queues: Sequence[QueueKeys], *, now_ms: int, is_complete: bool) -> MonitorReading:
    """Read figures of all queues in one round trip.

    Raises:
        StoreError: not a single queue could be read.
    """
    readings, names = read_every(connection, queues)
    workers = count_workers(names, queues, is_cluster=connection.is_cluster)
    found: list[QueueFigures] = []
    for queue, reading in readings:
        if isinstance(reading, EngineError):
            found.append(QueueFigures(queue, Counts(), False, workers[queue], None, None, str(reading)))  # noqa: FBT003
            continue
        since = reading.waiting_since_ms
        found.append(
            QueueFigures(
                queue,
                Counts.read(reading.counts),
                reading.meta.paused,
                workers[queue],
                None if since is None else max(0, now_ms - since),
                reading.limited_ms,
                "; ".join(reading.problems),
            )
        )
    return MonitorReading(tuple(sorted(found, key=lambda one: -one.counts.open)), is_complete, now_ms)


def problems_of(reading: MonitorReading, limits: Iterable[Limits]) -> list[Problem]:
    """Return every limit that is not kept."""
    known = tuple(limits)
    return [
        problem for figures in reading.queues for problem in _problems(figures, limits_for(known, figures.queue.name))
    ]


def _problems(figures: QueueFigures, limits: Limits | None) -> Iterator[Problem]:
    name, counts = figures.queue.name, figures.counts

    def tell(limit: str, value: int | None, allowed: int | None, words: str) -> Problem:
        return Problem(figures.queue.prefix, name, limit, value, allowed, f"{name} {words}")

    if figures.error:
        yield tell("readable", None, None, f"could not be read: {figures.error}")
    if limits is None or figures.error:
        return
    if limits.waiting is not None and counts.behind > limits.waiting:
        words = f"has {count_of(counts.behind, 'job')} waiting, more than {limits.waiting:,}"
        yield tell("waiting", counts.behind, limits.waiting, words)
    oldest = figures.oldest_ms
    if limits.oldest is not None and oldest is not None and oldest > limits.oldest and not figures.is_paused:
        words = f"lets its next job wait for {duration(oldest)}, longer than {duration(limits.oldest)}"
        yield tell("oldest", oldest, limits.oldest, words)
    if limits.failed is not None and counts.failed > limits.failed:
        words = f"has {count_of(counts.failed, 'failed job')}, more than {limits.failed:,}"
        yield tell("failed", counts.failed, limits.failed, words)
    share = 100 * counts.failed // max(1, counts.failed + counts.completed)
    if limits.share is not None and counts.failed >= FEW_FAILED and share > limits.share:
        yield tell("share", share, limits.share, f"failed {share} % of its finished jobs, more than {limits.share} %")
    workers, is_open = figures.workers, counts.behind > 0 and not figures.is_paused
    if limits.workers is not None and workers is not None and workers < limits.workers and is_open:
        jobs = count_of(counts.behind, "waiting job")
        words = f"has {count_of(workers, 'worker')} for {jobs}, fewer than {limits.workers}"
        yield tell("workers", workers, limits.workers, words)


def health_body(reading: MonitorReading, problems: Sequence[Problem], connection: str) -> dict[str, Any]:
    """Return the answer of /health/queues as JSON has it; times in ms."""
    return {
        "status": "degraded" if problems else "healthy",
        "connection": connection,
        "checked_at_ms": reading.measured_at_ms,
        "queues": len(reading.queues),
        "complete": reading.is_complete,
        "problems": [
            {
                "queue": one.queue,
                "prefix": one.prefix,
                "limit": one.limit,
                "value": one.value,
                "allowed": one.allowed,
                "sentence": one.sentence,
            }
            for one in problems[:MOST_PROBLEMS]
        ],
        "more_problems": max(0, len(problems) - MOST_PROBLEMS),
    }
