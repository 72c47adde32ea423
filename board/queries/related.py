"""What the jobs around one job tell about it: those that failed alike, and how those of its name ran lately.

Both are looked up along with the job itself, and cost the page no round trip of their own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from board.engine.calls import Call
from board.engine.commands.kin import RunReading, read_kin
from board.engine.errors import EngineError
from board.engine.keys import QueueKeys
from board.history.groups import AlikeReading, Groups
from board.queries.shared import Known

__all__ = ["Alike", "Dot", "Kin", "alike_of", "kin_of", "related_calls"]

LEAST = 3
"""Fewer runs say nothing of what is usual."""


@dataclass(frozen=True, slots=True)
class Alike:
    """The failures of the cause that a job failed of.

    Attributes:
        group: fingerprint; what the address of the group has.
        jobs: failed jobs of it now, this one included; of this queue alone for somebody who sees some queues only.
        first_ms: first failure known; None where it may be one of a queue that is not shown.
    """

    group: str
    jobs: int
    first_ms: int | None


@dataclass(frozen=True, slots=True)
class Dot:
    """One run on the drawing, in places to the tenth.

    Attributes:
        x: place from the oldest, 0, to the newest, 100.
        y: length of the run on a logarithmic scale, from the longest, 0, to the shortest, 100.
        is_failed: it ended badly.
        is_this: it is the run of the job that is looked at.
    """

    x: float
    y: float
    is_failed: bool
    is_this: bool


@dataclass(frozen=True, slots=True)
class Kin:
    """How the jobs with the name of one ran lately.

    Attributes:
        dots: their runs, oldest first.
        runs: how many ended.
        failed: how many of these badly.
        usual_ms: half of them took no longer.
        shortest_ms: the shortest run drawn.
        longest_ms: the longest run drawn.
        took_ms: the run of the job itself, so far where it is running; None where it has not run.
    """

    dots: tuple[Dot, ...]
    runs: int
    failed: int
    usual_ms: float
    shortest_ms: int
    longest_ms: int
    took_ms: int | None


def related_calls(known: Known, queue: QueueKeys, job_id: str, groups: Groups | None) -> list[Call[Any]]:
    """Return the reads that ``alike_of`` and ``kin_of`` take, in that order; without ``groups`` none."""
    if groups is None:
        return []
    return [groups.alike(queue.base, job_id, own=known.limits() is not None), read_kin(queue, job_id)]


def alike_of(reading: AlikeReading | EngineError | None) -> Alike | None:
    """Tell which failures are alike; None where no group has the job."""
    if reading is None or isinstance(reading, EngineError):
        return None
    return Alike(reading.group, reading.jobs, reading.first_ms)


def kin_of(
    readings: Sequence[RunReading] | EngineError, job_id: str, *, is_failed: bool, took_ms: int | None
) -> Kin | None:
    """Draw the runs of jobs of one name; None where there are too few of them to tell what is usual.

    Args:
        readings: newest first.
        job_id: of the job that is looked at.
        is_failed: whether that one ended badly.
        took_ms: length of its own run; it is drawn where it ran, and first where that was long ago.
    """
    if isinstance(readings, EngineError):
        return None
    runs = [
        (one.id == job_id, one.is_failed, max(0, one.finished_at_ms - one.started_at_ms))
        for one in reversed(readings)
        if one.started_at_ms is not None and one.finished_at_ms is not None
    ]
    if len(runs) < LEAST:
        return None
    drawn = list(runs)
    if took_ms is not None and not any(is_this for is_this, _, _ in runs):
        drawn.insert(0, (True, is_failed, took_ms))
    lengths = [length for _, _, length in drawn]
    low, high = math.log1p(min(lengths)), math.log1p(max(lengths))
    dots = tuple(
        Dot(
            x=round(100 * at / (len(drawn) - 1), 1),
            y=round(100 * (high - math.log1p(length)) / (high - low), 1) if high > low else 50.0,
            is_failed=failed,
            is_this=is_this,
        )
        for at, (is_this, failed, length) in enumerate(drawn)
    )
    return Kin(
        dots=dots,
        runs=len(runs),
        failed=sum(failed for _, failed, _ in runs),
        usual_ms=median(length for _, _, length in runs),
        shortest_ms=min(lengths),
        longest_ms=max(lengths),
        took_ms=took_ms,
    )
