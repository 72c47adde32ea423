"""What the recorder kept, as charts and tables: all queues, or one, over a window, in one round trip."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from board.alerts.store import Alerts
from board.engine.calls import Batch, Call
from board.engine.keys import QueueKeys
from board.history import sketch
from board.history.figures import ALL, RESOLUTIONS, Figures, Resolution, series_of
from board.history.store import Gap, History, State
from board.queries.manage import ManagePage, manage_calls, manage_of
from board.queries.marks import Happened, calls_for, happened, queue_of
from board.queries.shared import Known, QueueName, Reads, queue_name

__all__ = ["MOST_ROWS", "WINDOWS", "MetricsPage", "Point", "Row", "Window", "read_metrics"]

TEN_SECONDS, MINUTE, TEN_MINUTES, HOUR, DAY = RESOLUTIONS
MOST_ROWS = 100
"""Queues of the table, and job names of one queue."""

SCANNED = 2_000
"""Series of a stretch looked at for the job names of one queue: a millisecond of the server's time."""

LATE_MS = 60_000
SHARES = (0.5, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Window:
    """A time back from now.

    Attributes:
        name: in addresses.
        ms: length.
        points: stretches that the charts read.
        together: how many of them make a point.
        rows: stretches that the table reads, few and long.
    """

    name: str
    ms: int
    points: Resolution
    together: int
    rows: Resolution


WINDOWS: dict[str, Window] = {
    one.name: one
    for one in (
        Window("1h", 3_600_000, MINUTE, 1, TEN_MINUTES),
        Window("6h", 6 * 3_600_000, MINUTE, 5, HOUR),
        Window("24h", 24 * 3_600_000, TEN_MINUTES, 1, HOUR),
        Window("7d", 7 * 86_400_000, HOUR, 1, DAY),
        Window("30d", 30 * 86_400_000, HOUR, 6, DAY),
        Window("90d", 90 * 86_400_000, DAY, 1, DAY),
    )
}


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the charts; every value is None where nothing was recorded, which is a gap and no zero.

    Attributes:
        at_ms: begin of its stretch.
        finished: jobs that ended, a minute.
        failed: jobs that failed, a minute.
        wait_p50_ms: half of the jobs waited no longer; None also where no job began.
        wait_p95_ms: 95 of 100.
        run_p50_ms: half of the attempts ran no longer; None also where none ended.
        run_p95_ms: 95 of 100.
        open_jobs: jobs not finished, on average.
    """

    at_ms: int
    finished: float | None
    failed: float | None
    wait_p50_ms: float | None
    wait_p95_ms: float | None
    run_p50_ms: float | None
    run_p95_ms: float | None
    open_jobs: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """One queue, or the jobs of one name, over the window.

    Attributes:
        queue: the queue; None for a line about a job name, or about all.
        name: what the line is called.
        finished: jobs that ended.
        failed: jobs of these that failed.
        fail_share: their share; None when nothing ended.
        percentiles: p50, p95 and p99 of waiting, then of running, ms.
    """

    queue: QueueName | None
    name: str
    finished: int
    failed: int
    fail_share: float | None
    percentiles: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class MetricsPage:
    """Charts and tables.

    Attributes:
        window: what was asked for.
        queue: the only queue shown; None for all.
        manage: that queue as a whole, for its tabs.
        points: oldest first; the last one has only begun.
        point_ms: length of the stretch of a point.
        total: of all points.
        rows: queues, or job names of the one queue, most finished first.
        rows_from_ms: since when the rows count: their stretches begin at round times.
        hidden_rows: queues beyond those of the table.
        since_ms: from when on the history is complete; None when nobody ever recorded.
        late_ms: how long it was not written, when that is too long.
        gaps: what is missing in the window.
        marks: what explains a change in the window, alerts that fired included, oldest first.
        sort: column of the rows.
    """

    window: Window
    queue: QueueName | None
    manage: ManagePage | None
    points: tuple[Point, ...]
    point_ms: int
    total: Row
    rows: tuple[Row, ...]
    rows_from_ms: int
    hidden_rows: int
    since_ms: int | None
    late_ms: int | None
    gaps: tuple[Gap, ...]
    marks: tuple[Happened, ...]


def read_metrics(
    connection: Reads,
    history: History,
    alerts: Alerts,
    known: Known,
    queues: Sequence[QueueKeys],
    *,
    now_ms: int,
    window: str = "1h",
    queue: QueueKeys | None = None,
    sees_all: bool = True,
) -> MetricsPage:
    """Read the page in one round trip.

    Args:
        connection: to Redis.
        history: where it is kept.
        alerts: where those are kept.
        known: spells queues, and says which are shown.
        queues: all queues that the person sees.
        now_ms: the time.
        window: a key of ``WINDOWS``; another is the first.
        queue: the only queue to show.
        sees_all: nothing is hidden, so that the series of all queues may be shown.
    """
    wanted = WINDOWS.get(window, WINDOWS["1h"])
    shown = list(queues[:MOST_ROWS])
    series = [queue.base] if queue else [ALL] if sees_all else [one.base for one in shown]
    starts = _starts(wanted.points, wanted.ms, now_ms, wanted.together)
    row_starts = _starts(wanted.rows, wanted.ms, now_ms, 1)
    from_ms = starts[0]
    calls: list[Call[Any]] = [history.state(), *calls_for(history, alerts, from_ms, now_ms)]
    calls += [history.figures(wanted.points, start, series) for start in starts if series]
    if queue is None:
        bases = [one.base for one in shown]
        calls += [history.figures(wanted.rows, start, bases) for start in row_starts if bases]
    else:
        calls += [_names_of(history, wanted.rows, start, queue) for start in row_starts]
    about = manage_calls(queue) if queue else []
    state, marks, past, rules, *figures = connection.batch(Batch.of(calls + about))
    told = [figures.pop() for _ in about][::-1]
    by_point = [_sum(one) for one in figures[: len(starts)]] if series else [Figures() for _ in starts]
    gaps = tuple(gap for gap in state.gaps if gap.to_ms >= from_ms and _is_about(gap, queue, known))
    points = _points(starts, by_point, wanted, state, gaps=gaps, is_of_all=queue is None)
    by_row: dict[str, Figures] = {}
    for stretch in figures[len(starts) if series else 0 :]:
        pairs = stretch.items() if queue else zip((one.base for one in shown), stretch, strict=True)
        for name, one in pairs:
            by_row.setdefault(name, Figures()).add(one)
    by_base = {one.base: queue_name(one, known) for one in shown}
    rows = [_row(None if queue else by_base[name], name, one) for name, one in by_row.items()]
    rows.sort(key=lambda row: (-row.finished, row.name))
    whole = _sum(by_point)
    return MetricsPage(
        window=wanted,
        queue=queue_name(queue, known) if queue else None,
        manage=manage_of(told, known) if told else None,
        points=points,
        point_ms=wanted.points.ms * wanted.together,
        total=_row(None, "", whole),
        rows=tuple(rows[:MOST_ROWS]),
        rows_from_ms=row_starts[0],
        hidden_rows=0 if queue else max(0, len(queues) - len(shown)),
        since_ms=state.since_ms,
        late_ms=late if (late := now_ms - (state.until_ms or now_ms)) > LATE_MS else None,
        gaps=gaps,
        marks=happened(
            marks,
            [one for one in past if from_ms <= one.at_ms <= now_ms],
            [rule for rule in rules if sees_all or any(rule.matches(one.name) for one in queues)],
            known,
            queue=queue,
            sees_all=sees_all,
        ),
    )


def _starts(resolution: Resolution, window_ms: int, now_ms: int, together: int) -> list[int]:
    """Return the beginnings of the stretches of a window, the one that has begun included, in whole points."""
    length = resolution.ms * together
    last = now_ms - now_ms % length
    first = last - (window_ms // length - 1) * length if resolution.ms < window_ms else last
    return list(range(first, last + length, resolution.ms))


def _names_of(history: History, resolution: Resolution, start: int, queue: QueueKeys) -> Call[dict[str, Figures]]:
    head = series_of(queue.base, "")
    pattern = re.sub(r"([*?\[\]\\^-])", r"\\\1", head) + "*"

    def decode(reply: Any) -> dict[str, Figures]:
        found = reply[1]
        items = found.items() if isinstance(found, dict) else zip(found[::2], found[1::2], strict=True)
        names = ((name.decode("utf-8", "replace") if isinstance(name, bytes) else name, one) for name, one in items)
        return {name.removeprefix(head): Figures.unpack(one) for name, one in names}

    argv = ("HSCAN", history.stretch(resolution, start), 0, "MATCH", pattern, "COUNT", SCANNED)
    return Call(argv, decode, writes=False)


def _sum(figures: Sequence[Figures]) -> Figures:
    total = Figures()
    for one in figures:
        looks = max(total.looks, one.looks)
        total.add(one)
        total.looks = looks  # depths of several queues add up; of several moments they do not
    return total


def _points(
    starts: Sequence[int],
    figures: Sequence[Figures],
    window: Window,
    state: State,
    *,
    gaps: Sequence[Gap],
    is_of_all: bool,
) -> tuple[Point, ...]:
    since_ms, until_ms = state.since_ms, state.until_ms
    length = window.points.ms * window.together
    points = []
    for at in range(0, len(starts), window.together):
        start, end = starts[at], starts[at] + length
        total = Figures()
        for one in figures[at : at + window.together]:
            total.add(one)
        is_known = (
            since_ms is not None
            and until_ms is not None
            and (total.finished or total.looks or (end > since_ms and start <= until_ms))
            and not any(gap.from_ms <= start and end <= gap.to_ms for gap in gaps)
        )
        if not is_known:
            points.append(Point(start, None, None, None, None, None, None, None))
            continue
        minutes = min(length, max(1, (until_ms or end) - start)) / 60_000
        points.append(
            Point(
                at_ms=start,
                finished=total.finished / minutes,
                failed=total.failed / minutes,
                wait_p50_ms=sketch.quantile(total.wait, 0.5),
                wait_p95_ms=sketch.quantile(total.wait, 0.95),
                run_p50_ms=sketch.quantile(total.run, 0.5),
                run_p95_ms=sketch.quantile(total.run, 0.95),
                open_jobs=total.open_jobs if total.looks else None if is_of_all else 0.0,  # empty ones are not stored
            )
        )
    return tuple(points)


def _row(queue: QueueName | None, name: str, figures: Figures) -> Row:
    return Row(
        queue=queue,
        name=queue.name if queue else name,
        finished=figures.finished,
        failed=figures.failed,
        fail_share=figures.fail_share,
        percentiles=tuple(sketch.quantile(bins, share) for bins in (figures.wait, figures.run) for share in SHARES),
    )


def _is_about(gap: Gap, queue: QueueKeys | None, known: Known) -> bool:
    if not gap.base:
        return True
    return gap.base == queue.base if queue else known.is_shown(queue_of(gap.base))
