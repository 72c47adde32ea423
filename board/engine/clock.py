"""A clock for timers that a correction of the system's time cannot stop.

Everything in Redis is told in wall time. A worker's own timers must not be: were the system's clock set back an hour,
no lock would be renewed for an hour. So a worker counts in *steady* time, which begins as wall time and then only
goes on, and translates the moments that Redis names.
"""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["SteadyClock", "wall_ms"]


def wall_ms() -> int:
    """Return the wall clock's time, ms since 1970."""
    return time.time_ns() // 1_000_000


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000


class SteadyClock:
    """Steady time in ms, and its distance from wall time.

    Args:
        wall: the wall clock.
        monotonic: a clock that never goes back.
    """

    __slots__ = ("_monotonic", "_start", "_wall")

    def __init__(self, wall: Callable[[], int] = wall_ms, monotonic: Callable[[], int] = _monotonic_ms) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._start = wall() - monotonic()

    def now_ms(self) -> int:
        """Return the steady time."""
        return self._start + self._monotonic()

    def steady_ms(self, wall_moment_ms: float) -> float:
        """Translate a moment of wall time, as far away now as it is by the wall clock."""
        return wall_moment_ms - self._wall() + self.now_ms()
