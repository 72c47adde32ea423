"""What is known of one queue, or of the jobs of one name, over one stretch of time; and which stretches there are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import msgpack

from board.history import sketch
from board.history.sketch import Bins

__all__ = ["ALL", "RESOLUTIONS", "Figures", "Resolution", "series_of"]

ALL: Final = ""
"""The series of all queues together."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """A length of stretches.

    Attributes:
        name: in keys.
        ms: length of a stretch; they begin at multiples of it since the epoch.
        kept_ms: how long they are kept.
    """

    name: str
    ms: int
    kept_ms: int

    def start(self, at_ms: int) -> int:
        """Return the beginning of the stretch that a moment is in."""
        return at_ms - at_ms % self.ms


_HOUR = 3_600_000
RESOLUTIONS: Final = (
    Resolution("10s", 10_000, 2 * _HOUR),
    Resolution("1m", 60_000, 8 * _HOUR),
    Resolution("10m", 600_000, 50 * _HOUR),
    Resolution("1h", _HOUR, 91 * 24 * _HOUR),
    Resolution("1d", 24 * _HOUR, 92 * 24 * _HOUR),
)
"""Finest first. Days serve the table beneath the charts: ninety stretches tell what 2,160 hours would."""


@dataclass(slots=True)
class Figures:
    """Counts and durations of one stretch; adding two gives those of both.

    Attributes:
        completed: jobs that ended well.
        failed: jobs that ended badly, for good; attempts that are followed by another one do not count.
        stalled: jobs taken back from a worker that was lost.
        retried: jobs that a person or a program made runnable again.
        open_sum: sum of the counts of open jobs, over the looks; the mean is ``open_jobs``.
        looks: how often depth and age were looked at.
        open_most: most open jobs seen.
        oldest_ms: largest age of the next job in line.
        wait: how long jobs that could run waited for a worker.
        run: how long attempts ran.
    """

    completed: int = 0
    failed: int = 0
    stalled: int = 0
    retried: int = 0
    open_sum: int = 0
    looks: int = 0
    open_most: int = 0
    oldest_ms: int = 0
    wait: Bins = field(default_factory=dict)
    run: Bins = field(default_factory=dict)

    @property
    def finished(self) -> int:
        """Jobs that ended, well or badly."""
        return self.completed + self.failed

    @property
    def fail_share(self) -> float | None:
        """Share of what ended that failed; None when nothing ended."""
        return self.failed / self.finished if self.finished else None

    @property
    def open_jobs(self) -> float | None:
        """Open jobs on average; None when nobody looked."""
        return self.open_sum / self.looks if self.looks else None

    def add(self, other: Figures) -> None:
        """Add what is known of another stretch."""
        self.completed += other.completed
        self.failed += other.failed
        self.stalled += other.stalled
        self.retried += other.retried
        self.open_sum += other.open_sum
        self.looks += other.looks
        self.open_most = max(self.open_most, other.open_most)
        self.oldest_ms = max(self.oldest_ms, other.oldest_ms)
        sketch.merge(self.wait, other.wait)
        sketch.merge(self.run, other.run)

    def pack(self) -> bytes:
        """Return what is stored: 12 bytes, and about three for each bin."""
        counts = (self.completed, self.failed, self.stalled, self.retried)
        looks = (self.open_sum, self.looks, self.open_most, self.oldest_ms)
        packed: bytes = msgpack.packb((*counts, *looks, sketch.flat(self.wait), sketch.flat(self.run)))
        return packed

    @classmethod
    def unpack(cls, stored: bytes | None) -> Figures:
        """Read what ``pack`` returned; nothing, or what cannot be read, is a stretch in which nothing happened."""
        if not stored:
            return cls()
        try:
            *counts, wait, run = msgpack.unpackb(stored)
            values: list[Any] = [*map(int, counts), sketch.unflat(wait), sketch.unflat(run)]
            return cls(*values)
        except (ValueError, TypeError, msgpack.exceptions.ExtraData):
            return cls()


def series_of(base: str, job_name: str | None = None) -> str:
    """Name the series of a queue by the base of its keys, or that of its jobs of one name."""
    return base if job_name is None else f"{base}\0{job_name}"
