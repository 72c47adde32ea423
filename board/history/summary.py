"""What the overview says of a queue's last minutes; made by the recorder, so that a page reads one value a queue."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgpack

__all__ = ["MINUTES", "SPARK", "Summary"]

MINUTES = 15
"""Minutes that the figures are about, the one that has begun included."""

SPARK = 30
"""Minutes of the sparkline."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The last quarter of an hour of one queue, or of all.

    Attributes:
        at_ms: when it was made; 0 where it is shown, so that the same figures are the same.
        completed: jobs that ended well.
        failed: jobs that ended badly.
        stalled: jobs taken back from a lost worker.
        usual_failed: how many fail in a quarter of an hour, over the last day; None when that is not known.
        wait_p50_ms: half of the jobs waited no longer.
        wait_p95_ms: 95 of 100.
        run_p50_ms: half of the attempts ran no longer.
        run_p95_ms: 95 of 100.
        finished_line: jobs that ended in each of the last thirty minutes.
        failed_line: jobs that failed in each of them.
        open_line: jobs not finished in each of them, on average; empty where there were none in any.
        oldest_line: largest age of the next job in line in each of them, in whole minutes; empty where all are 0.
        minutes: that the figures are about; not stored, as it is always the same there.
    """

    at_ms: int = field(compare=False)  # equal ones give equal lines of a table
    completed: int = 0
    failed: int = 0
    stalled: int = 0
    usual_failed: float | None = None
    wait_p50_ms: float | None = None
    wait_p95_ms: float | None = None
    run_p50_ms: float | None = None
    run_p95_ms: float | None = None
    finished_line: tuple[int, ...] = ()
    failed_line: tuple[int, ...] = ()
    open_line: tuple[int, ...] = ()
    oldest_line: tuple[int, ...] = ()
    minutes: float = MINUTES

    @property
    def per_minute(self) -> float:
        """Jobs that ended, a minute."""
        return (self.completed + self.failed) / self.minutes

    @property
    def fail_share(self) -> float | None:
        """Share of what ended that failed; None when nothing ended."""
        ended = self.completed + self.failed
        return self.failed / ended if ended else None

    def pack(self) -> bytes:
        """Return what is stored."""
        packed: bytes = msgpack.packb(
            (
                *(self.at_ms, self.completed, self.failed, self.stalled, self.usual_failed),
                *(self.wait_p50_ms, self.wait_p95_ms, self.run_p50_ms, self.run_p95_ms),
                *(self.finished_line, self.failed_line, self.open_line, self.oldest_line),
            )
        )
        return packed

    @classmethod
    def unpack(cls, stored: bytes) -> Summary | None:
        """Read what ``pack`` returned; None when it cannot be read."""
        try:
            *values, finished, failed, open_jobs, oldest = msgpack.unpackb(stored)
            values += map(tuple, (finished, failed, open_jobs, oldest))
            return cls(*values)
        except (ValueError, TypeError, msgpack.exceptions.ExtraData):
            return None
