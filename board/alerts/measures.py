"""Figures as rules see them: the same for a look at the queues now and for a trial against what was recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import ceil
from typing import Final

from board.alerts.rules import RATE_MS, Rule
from board.alerts.sentences import amount
from board.alerts.state import Measured
from board.engine.keys import QueueKeys
from board.history.figures import RESOLUTIONS, Figures, Resolution, series_of
from board.spans import duration
from board.words import Count, sentence

__all__ = ["FEW_ENDED", "NEW_MS", "Recorded", "from_depth", "from_history", "from_oldest", "resolution_for", "series"]

FEW_ENDED: Final = 10
"""Of fewer jobs that ended in five minutes the share says little: it counts as nothing."""

NEW_MS: Final = 3_600_000
"""How long a cause of failures is new."""

Recorded = Callable[[str, int, int], Iterable[Figures] | None]
"""Tells the figures of a series from one moment to another, once; None when some of that was not recorded."""


def series(rule: Rule, queue: QueueKeys) -> str:
    """Return the series that a rule looks at."""
    return series_of(queue.base, rule.job_name or None)


def resolution_for(rule: Rule) -> Resolution:
    """Return the stretches in which a look at the history is made: minutes, or tens of them for a long silence."""
    return RESOLUTIONS[2] if rule.kind == "absent" and rule.threshold > 2 * 3_600_000 else RESOLUTIONS[1]


def from_depth(queue: QueueKeys, open_jobs: float) -> Measured:
    """Return how many jobs are open; a mean over ten minutes or an hour is said as the next whole number.

    So what is above a limit of whole jobs reads so.
    """
    words = sentence("%(queue)s has %(amount)s", queue=queue.name, amount=amount("open jobs", ceil(open_jobs)))
    return Measured(open_jobs, words)


def from_oldest(queue: QueueKeys, oldest_ms: float) -> Measured:
    """Return how long the next job waits."""
    words = sentence("%(queue)s lets its next job wait for %(time)s", queue=queue.name, time=duration(oldest_ms))
    return Measured(oldest_ms, words)


def from_history(rule: Rule, queue: QueueKeys, at_ms: int, recorded: Recorded) -> Measured:
    """Return a figure that what was recorded tells.

    Args:
        rule: of the kinds ``failures``, ``stalls``, ``absent``, and for a trial ``depth`` and ``oldest``.
        queue: the queue.
        at_ms: the moment.
        recorded: tells figures.
    """
    if rule.kind in {"depth", "oldest"}:
        found = recorded(queue.base, at_ms - 1, at_ms)
        if found is None:
            return Measured(None)
        total = _sum(found)
        if rule.kind == "oldest":
            return from_oldest(queue, total.oldest_ms)
        return from_depth(queue, total.open_jobs or 0)
    span_ms = rule.threshold if rule.kind == "absent" else RATE_MS
    found = recorded(series(rule, queue), at_ms - span_ms, at_ms)
    if found is None:
        return Measured(None)
    if rule.kind == "absent":
        is_silent = not any(one.finished for one in found)
        words = sentence("%(queue)s ended no job for %(time)s", queue=queue.name, time=duration(span_ms))
        if rule.job_name:
            words = sentence(
                "%(queue)s ended no job %(name)s for %(time)s",
                queue=queue.name,
                name=rule.job_name,
                time=duration(span_ms),
            )
        return Measured(span_ms if is_silent else 0, words, is_broken=is_silent)
    total = _sum(found)
    if rule.kind == "stalls":
        stalled = amount("stalled jobs", total.stalled)
        words = sentence("%(queue)s had %(amount)s in 5 min", queue=queue.name, amount=stalled)
        return Measured(total.stalled, words)
    share = 100 * total.failed / total.finished if total.finished >= FEW_ENDED else 0
    words = sentence(
        "%(queue)s failed %(share)s of its jobs in 5 min, %(failed)s of %(all)s",
        queue=queue.name,
        share=amount("%", share),
        failed=Count(total.failed),
        all=Count(total.finished),
    )
    return Measured(share, words)


def _sum(figures: Iterable[Figures]) -> Figures:
    total = Figures()
    for one in figures:
        total.add(one)
    return total
