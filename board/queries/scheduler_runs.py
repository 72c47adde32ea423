"""What became of the runs of a scheduler: those whose jobs are still there, and moments that passed without one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from board.engine.commands.scheduler_pages import RunReading
from board.engine.keys import QueueKeys
from board.queries.rows import without_hidden
from board.queries.schedule_times import Rule, coming
from board.queries.shared import Known
from board.queries.text import first_line
from board.redaction import redact_text

__all__ = ["MARKS", "Past", "Run", "history_of", "run_of", "usual_ms_of"]

MARKS = 30
"""Marks of the history: what fits on two lines of a telephone."""

LATE_MS = 60_000
"""So long after its moment a run began late: workers look for what is due every few seconds."""

MOST_MISSED = 100
"""Moments between two runs that are counted."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run that is still in Redis.

    Attributes:
        job_id: its job.
        state: ``active``, ``completed`` or ``failed``.
        at_ms: the moment it was made for.
        started_at_ms: when its latest attempt began; None before the first.
        ended_at_ms: end; None while it runs.
        took_ms: how long it ran.
        late_ms: how long after its moment it began; 0 when that is no more than usual.
        number: which run of its schedule it is, counted from 1; None where its job does not tell.
        reason: first line of its failure.
    """

    job_id: str
    state: str
    at_ms: int | None
    started_at_ms: int | None
    ended_at_ms: int | None
    took_ms: int | None
    late_ms: int
    number: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Past:
    """One mark of the history.

    Attributes:
        run: a run; None for moments that passed without one.
        missed: how many moments; 0 for a run.
        from_ms: the first of them, or the moment of the run.
        to_ms: the last of them, or the moment of the run.
    """

    run: Run | None
    missed: int
    from_ms: int
    to_ms: int


def run_of(reading: RunReading, known: Known, queue: QueueKeys) -> Run:
    """Return a run as a person may see it."""
    took, late, reason = None, 0, without_hidden(reading.failed_reason, known)
    began = reading.processed_at_ms
    if began is not None and reading.finished_at_ms is not None:
        took = max(0, reading.finished_at_ms - began)
    # A run that was tried again began anew: only a first attempt tells when it was taken.
    if began is not None and reading.at_ms is not None and reading.attempts <= 1:
        late = began - reading.at_ms
    return Run(
        job_id=reading.job_id,
        state=reading.state,
        at_ms=reading.at_ms,
        started_at_ms=began,
        ended_at_ms=reading.finished_at_ms,
        took_ms=took,
        late_ms=late if late > LATE_MS else 0,
        number=reading.number,
        reason=first_line(redact_text(reason or "")) if known.shows_data(queue) else "",
    )


def usual_ms_of(runs: Sequence[Run]) -> float | None:
    """Return the median length of the runs that completed; None when none did."""
    lengths = [one.took_ms for one in runs if one.state == "completed" and one.took_ms is not None]
    return median(lengths) if lengths else None


def history_of(runs: Sequence[Run], rule: Rule) -> tuple[Past, ...]:
    """Return the latest marks, oldest first.

    Moments count as missed where two runs follow each other by their numbers and the schedule has moments between them:
    of runs that retention removed nothing is claimed.

    Args:
        runs: newest first.
        rule: the schedule; its end and its limit are of no concern here.
    """
    ordered = [one for one in reversed(runs) if one.at_ms is not None]
    found: list[Past] = []
    always = Rule(rule.pattern, rule.every_ms, rule.tz)
    for before, after in pairwise([None, *ordered]):
        if after is None or after.at_ms is None:
            continue
        if before is not None and before.at_ms is not None and _follow(before, after):
            moments = coming(always, before.at_ms, MOST_MISSED + 1, after.at_ms - 1)[1:]
            if moments:
                found.append(Past(None, len(moments), moments[0], moments[-1]))
        found.append(Past(after, 0, after.at_ms, after.at_ms))
    return tuple(found[-MARKS:])


def _follow(before: Run, after: Run) -> bool:
    return before.number is not None and after.number is not None and after.number - before.number == 1
