"""Windows of the overview that are longer than the summary's quarter of an hour, added up from recorded stretches.

A window of many queues is thousands of values, and most of them are of stretches that are over: a process adds those
up once and reads the newest two afterwards. What it made of all is good for half a minute, so that a page that
refreshes every few seconds costs what it does without a window.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from board.engine.calls import Call
from board.engine.errors import EngineError
from board.history import sketch
from board.history.figures import RESOLUTIONS, Figures, Resolution
from board.history.store import History
from board.history.summary import Summary

__all__ = ["WINDOWS", "Asked", "Window", "Windows", "summarize"]

_, _, TEN_MINUTES, HOUR, _ = RESOLUTIONS


@dataclass(frozen=True, slots=True)
class Window:
    """A time back from now.

    Attributes:
        name: in addresses.
        ms: length.
        stretch: what it is added up from; the one that has begun is among them.
    """

    name: str
    ms: int
    stretch: Resolution

    def starts(self, now_ms: int) -> list[int]:
        """Return the beginnings of its stretches, oldest first."""
        last = self.stretch.start(now_ms)
        return [last - age * self.stretch.ms for age in reversed(range(self.ms // self.stretch.ms))]


WINDOWS: Mapping[str, Window] = {
    one.name: one
    for one in (
        Window("1h", 3_600_000, TEN_MINUTES),
        Window("6h", 6 * 3_600_000, HOUR),
        Window("24h", 24 * 3_600_000, HOUR),
    )
}

FRESH_MS = 30_000
"""What was made of a window is good so long: an hour moves little in half a minute."""

OVER_MS = 600_000
"""Stretches that are over are read again after ten minutes: a recorder that was away may have added to them."""

NEWEST = 2
"""Stretches that are read every time: the one that has begun, and the one before, whose last events may come late."""

MOST = 16
"""Windows kept, one for each length and set of queues that somebody sees."""


@dataclass(frozen=True, slots=True)
class Over:
    """The sum of the stretches of a window that are over: when they were read, up to which beginning, and what came."""

    read_ms: int
    until_ms: int
    figures: Mapping[str, Figures]


@dataclass(frozen=True, slots=True)
class Asked:
    """What has to be read for a window.

    Attributes:
        window: which.
        series: of queues, or of all.
        now_ms: the time.
        calls: to be sent; none where the answer is known.
        made: that answer.
        over: what is known of the stretches that are over; None where they are among those to be read.
    """

    window: Window
    series: tuple[str, ...]
    now_ms: int
    calls: tuple[Call[list[Figures]], ...] = ()
    made: Mapping[str, Figures] = field(default_factory=dict)
    over: Over | None = None


class Windows:
    """What one process knows of windows. Safe to use from many threads."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._over: dict[tuple[str, tuple[str, ...]], Over] = {}
        self._made: dict[tuple[str, tuple[str, ...]], tuple[int, Mapping[str, Figures]]] = {}

    @property
    def kept(self) -> list[tuple[str, tuple[str, ...]]]:
        """Names of windows and series of which something is kept."""
        return [*self._over, *self._made]

    def ask(self, history: History, window: Window, series: Sequence[str], now_ms: int) -> Asked:
        """Say what has to be read of a window now."""
        key = (window.name, tuple(series))
        made = self._made.get(key)
        if not series or (made is not None and 0 <= now_ms - made[0] < FRESH_MS):
            return Asked(window, key[1], now_ms, made=made[1] if made else {})
        starts = window.starts(now_ms)
        over = self._over.get(key)
        if over is None or over.until_ms != starts[-NEWEST] or now_ms - over.read_ms >= OVER_MS:
            over = None
        wanted = starts if over is None else starts[-NEWEST:]
        calls = tuple(history.figures(window.stretch, one, series) for one in wanted)
        return Asked(window, key[1], now_ms, calls, over=over)

    def told(self, asked: Asked, replies: Sequence[list[Figures] | EngineError]) -> Mapping[str, Figures]:
        """Return the figures of each series over the window; of what could not be read, there are none."""
        if not asked.calls:
            return asked.made
        key = (asked.window.name, asked.series)
        is_whole = not any(isinstance(one, EngineError) for one in replies)
        over = asked.over
        if over is None:
            until_ms = asked.window.starts(asked.now_ms)[-NEWEST]
            over = Over(asked.now_ms, until_ms, _sum(asked.series, replies[:-NEWEST]))
            if is_whole:
                _keep(self._over, key, over, lambda one: asked.now_ms - one.read_ms >= OVER_MS)
        figures = _sum(asked.series, replies[-NEWEST:])
        for name, one in figures.items():
            one.add(over.figures[name])
        if is_whole:
            _keep(self._made, key, (asked.now_ms, figures), lambda one: asked.now_ms - one[0] >= FRESH_MS)
        return figures


def summarize(figures: Figures, minutes: float, lately: Summary | None) -> Summary:
    """Tell a window as the overview tells a quarter of an hour; the lines are those of the last half-hour."""
    return Summary(
        at_ms=0,
        completed=figures.completed,
        failed=figures.failed,
        stalled=figures.stalled,
        wait_p50_ms=sketch.quantile(figures.wait, 0.5),
        wait_p95_ms=sketch.quantile(figures.wait, 0.95),
        run_p50_ms=sketch.quantile(figures.run, 0.5),
        run_p95_ms=sketch.quantile(figures.run, 0.95),
        finished_line=lately.finished_line if lately else (),
        failed_line=lately.failed_line if lately else (),
        minutes=minutes,
    )


def _sum(series: Sequence[str], stretches: Sequence[list[Figures] | EngineError]) -> dict[str, Figures]:
    total = {name: Figures() for name in series}
    for stretch in stretches:
        if not isinstance(stretch, EngineError):
            for name, one in zip(series, stretch, strict=True):
                total[name].add(one)
    return total


def _keep(kept: dict[Any, Any], key: Any, value: Any, is_old: Callable[[Any], bool]) -> None:
    """Keep a value, and forget what is old and the oldest of too many: with very many queues each is megabytes."""
    for other in [name for name, one in list(kept.items()) if name == key or is_old(one)]:
        kept.pop(other, None)
    kept[key] = value
    while len(kept) > MOST:
        kept.pop(next(iter(kept)), None)
