"""Keeps the last half-hour of every queue at hand and tells it in one value each."""

from __future__ import annotations

from collections.abc import Iterable

from board.engine.calls import Batch, Call
from board.engine.connection.sync import Connection
from board.history import sketch
from board.history.figures import RESOLUTIONS, Figures
from board.history.store import History, Recording
from board.history.summary import MINUTES, SPARK, Summary

__all__ = ["Summaries"]

MINUTE = RESOLUTIONS[1]
HOUR = RESOLUTIONS[3]
HOURS = 24

MANY = 10
"""Fewer failures in a quarter of an hour are not compared with what is usual."""


class Summaries:
    """The minutes of every queue; of one process."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._minutes: dict[int, dict[str, Figures]] = {}
        self._told: set[str] = set()
        self._changed: set[str] = set()

    def begin(self, connection: Connection, history: History, now_ms: int) -> None:
        """Read the last half-hour from the history."""
        newest = MINUTE.start(now_ms)
        starts = [newest - age * MINUTE.ms for age in range(SPARK)]
        stretches = connection.batch(Batch.of(history.stretch_of_all(MINUTE, start) for start in starts))
        self._minutes = {
            start: {series: one for series, one in stretch.items() if _is_queue(series)}
            for start, stretch in zip(starts, stretches, strict=True)
        }
        self._told = {series for stretch in self._minutes.values() for series in stretch}
        self._changed = set(self._told)

    def renew(self, connection: Connection, history: History, recording: Recording, *, every: bool) -> None:
        """Take over the minutes of a recording, and put new summaries into it.

        Args:
            connection: to ask what is usual where much failed.
            history: to ask.
            recording: with its figures added up.
            every: also tell of queues in which nothing happened: what they did leaves the last quarter of an hour.
        """
        for (resolution, start), by_series in recording.figures.items():
            if resolution is MINUTE:
                queues = {series: figures for series, figures in by_series.items() if _is_queue(series)}
                self._minutes.setdefault(start, {}).update(queues)
                self._changed |= queues.keys()
        if not every:
            return
        newest = MINUTE.start(recording.now_ms)
        oldest = newest - (SPARK - 1) * MINUTE.ms
        self._minutes = {start: stretch for start, stretch in self._minutes.items() if start >= oldest}
        busy = {series for stretch in self._minutes.values() for series in stretch}
        starts = range(oldest, newest + MINUTE.ms, MINUTE.ms)
        quarter = {series: self._sum(series, starts) for series in busy | self._told}
        usual = self._usual(
            connection, history, newest, [series for series, one in quarter.items() if one.failed >= MANY]
        )
        for series, figures in quarter.items():
            recording.now[series] = self._summary(series, figures, usual.get(series), recording.now_ms, starts).pack()
        self._told = busy
        self._changed = set()

    def _sum(self, series: str, starts: range) -> Figures:
        figures = Figures()
        for start in starts[-MINUTES:]:
            one = self._minutes.get(start, {}).get(series)
            if one is not None:
                figures.add(one)
        return figures

    def _summary(self, series: str, figures: Figures, usual: float | None, now_ms: int, starts: range) -> Summary:
        minutes = [self._minutes.get(start, {}).get(series) for start in starts]
        return Summary(
            at_ms=now_ms,
            completed=figures.completed,
            failed=figures.failed,
            stalled=figures.stalled,
            usual_failed=usual,
            wait_p50_ms=sketch.quantile(figures.wait, 0.5),
            wait_p95_ms=sketch.quantile(figures.wait, 0.95),
            run_p50_ms=sketch.quantile(figures.run, 0.5),
            run_p95_ms=sketch.quantile(figures.run, 0.95),
            finished_line=tuple(one.finished if one else 0 for one in minutes),
            failed_line=tuple(one.failed if one else 0 for one in minutes),
            open_line=_unless_flat(round(one.open_jobs or 0) if one else 0 for one in minutes),
            oldest_line=_unless_flat(one.oldest_ms // MINUTE.ms if one else 0 for one in minutes),
        )

    def _usual(self, connection: Connection, history: History, now_ms: int, series: list[str]) -> dict[str, float]:
        """Return how many fail in a quarter of an hour, over the last day, for those known for three hours at least."""
        if not series:
            return {}
        hours = [HOUR.start(now_ms) - age * HOUR.ms for age in range(1, HOURS + 1)]
        calls: list[Call[list[Figures]]] = [history.figures(HOUR, start, series) for start in hours]
        by_hour = connection.batch(Batch.of(calls))
        usual: dict[str, float] = {}
        for at, name in enumerate(series):
            known = [one[at] for one in by_hour if one[at].finished or one[at].looks]
            if len(known) >= 3:
                usual[name] = sum(one.failed for one in known) / len(known) / (60 / MINUTES)
        return usual


def _unless_flat(values: Iterable[int]) -> tuple[int, ...]:
    """Return a line, or nothing where it would lie on the ground: most queues have nothing open most of the time."""
    line = tuple(values)
    return line if any(line) else ()


def _is_queue(series: str) -> bool:
    """Whether a series is that of a queue, or of all, and not of the jobs of one name."""
    return "\0" not in series
