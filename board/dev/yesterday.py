"""A day of history that nobody lived through: what a recorder would have kept of the demo queues until now.

A board that was started a minute ago has nothing to draw. With this its charts, percentiles and shares of failures are
there at once, in the shape of an ordinary day that ends with trouble at the payment gateway.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from board.engine.connection.sync import Connection
from board.engine.keys import QueueKeys
from board.history import sketch
from board.history.figures import ALL, RESOLUTIONS, Figures, Resolution, series_of
from board.history.store import History, Mark, Recording
from board.namespace import Namespace

__all__ = ["remember"]

HOUR = 3_600_000
MINUTE = 60_000
DAY = 24 * HOUR
SAMPLES = 6
"""Durations thrown for one stretch; each stands for as many jobs as it takes."""

STRETCHES_PER_CALL = 100
"""Stretches stored in one step: some hundred small fields, a few milliseconds of the server."""


@dataclass(frozen=True, slots=True)
class _Trade:
    """An ordinary day of one queue.

    Attributes:
        queue: its name.
        job: name of its jobs.
        per_minute: jobs that end in a minute at noon; at night a third of them.
        fails: share of them that fails for good.
        wait_ms, run_ms: the middle of how long they wait and run.
        open_jobs: jobs open on average.
        trouble_ms: how long ago trouble began that lasts; 0 without any.
    """

    queue: str
    job: str
    per_minute: float
    fails: float
    wait_ms: float
    run_ms: float
    open_jobs: int
    trouble_ms: int = 0


TRADES = (
    _Trade("mail.transactional", "order-confirmation", 30, 0.003, 40, 450, 12),
    _Trade("billing.charge", "charge-card", 15, 0.006, 350, 1_600, 22, trouble_ms=25 * MINUTE),
    _Trade("billing.invoice", "render-pdf", 10, 0.001, 120, 2_600, 3),
    _Trade("hooks.deliver", "deliver", 20, 0.015, 90, 700, 5),
    _Trade("media.transcode", "transcode", 3, 0.02, 4_000, 11_000, 9),
)


def remember(connection: Connection, namespace: Namespace, prefix: str, now_ms: int) -> None:
    """Write the day before ``now_ms`` into the history, in steps, unless somebody records already."""
    history = History(namespace)
    state = connection.call(history.claim(0))
    if state is None or state.since_ms is not None:
        return
    began_ms = now_ms - DAY
    marks = [Mark(now_ms - 134 * MINUTE, "paused", QueueKeys(prefix, "search.reindex").base)]
    stretches = [
        (key, by_series)
        for key, by_series in _day(prefix, began_ms, now_ms).items()
        if key[1] + key[0].ms + key[0].kept_ms > now_ms
    ]
    for at in range(0, len(stretches), STRETCHES_PER_CALL):
        some = stretches[at : at + STRETCHES_PER_CALL]
        connection.call(history.record(0, Recording(now_ms, figures=dict(some))))
    connection.call(history.record(0, Recording(now_ms, since_ms=began_ms, marks=marks)))


def _day(prefix: str, began_ms: int, now_ms: int) -> dict[tuple[Resolution, int], dict[str, Figures]]:
    """Return every stretch of the day, in every resolution."""
    found: dict[tuple[Resolution, int], dict[str, Figures]] = {}
    dice = random.Random(7)
    for resolution, start in _finest(began_ms, now_ms):
        by_series = {ALL: Figures()}
        for trade in TRADES:
            base = QueueKeys(prefix, trade.queue).base
            figures = _stretch(trade, start, resolution.ms, now_ms, dice)
            by_series[base] = by_series[series_of(base, trade.job)] = figures
            _count_in(by_series[ALL], figures)
        found[resolution, start] = by_series
    for finer, coarser in itertools.pairwise(RESOLUTIONS):
        for (resolution, start), by_series in list(found.items()):
            if resolution is finer:
                above = found.setdefault((coarser, coarser.start(start)), {})
                for series, figures in by_series.items():
                    above.setdefault(series, Figures()).add(figures)
    return found


def _finest(began_ms: int, now_ms: int) -> Iterator[tuple[Resolution, int]]:
    """Yield the stretches to throw dice for: by ten seconds where those are kept, by minutes before."""
    fine, minutes = RESOLUTIONS[:2]
    turn_ms = minutes.start(now_ms - fine.kept_ms)
    for start in range(minutes.start(began_ms), turn_ms, minutes.ms):
        yield minutes, start
    for start in range(turn_ms, fine.start(now_ms), fine.ms):
        yield fine, start


def _stretch(trade: _Trade, start: int, length_ms: int, now_ms: int, dice: random.Random) -> Figures:
    is_bad = now_ms - start < trade.trouble_ms
    hour = start % DAY / HOUR
    by_day = 0.33 + 0.67 * (0.5 - 0.5 * math.cos(2 * math.pi * (hour - 1) / 24))
    mean = trade.per_minute * by_day * length_ms / MINUTE
    ended = max(0, round(dice.gauss(mean, math.sqrt(mean))))
    share = 0.35 if is_bad else trade.fails
    failed = sum(dice.random() < share for _ in range(ended))
    slower = 3.0 if is_bad else 1.0
    open_jobs = max(0, round(dice.gauss(trade.open_jobs * by_day * slower, 2)))
    looks = max(1, length_ms // RESOLUTIONS[0].ms)
    figures = Figures(
        completed=ended - failed,
        failed=failed,
        stalled=int(trade.job == "transcode" and dice.random() < length_ms / (90 * MINUTE)),
        open_sum=open_jobs * looks,
        looks=looks,
        open_most=open_jobs + 2,
        oldest_ms=round(trade.wait_ms * slower * (2 + 3 * dice.random())),
    )
    for bins, middle in ((figures.wait, trade.wait_ms * slower**2), (figures.run, trade.run_ms * slower)):
        for sample in range(min(SAMPLES, ended)):
            times = ended // SAMPLES + (sample < ended % SAMPLES)
            sketch.add(bins, middle * dice.lognormvariate(0, 0.7), max(1, times))
    return figures


def _count_in(total: Figures, figures: Figures) -> None:
    """Add a queue to all queues: what is open adds up, how often it was looked at does not."""
    looks, most = figures.looks, total.open_most + figures.open_most
    total.add(figures)
    total.looks, total.open_most = looks, most
