"""Where one queue is heading: the backlog there is now, against what the recorder saw a quarter of an hour ago.

What happens to the open jobs as a whole says whether workers keep up; how long what could start now will take follows
from it. Without a recorder, and before it has been at work for a quarter of an hour, nothing is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from board.engine.calls import Call
from board.engine.errors import EngineError
from board.engine.keys import QueueKeys
from board.history.figures import RESOLUTIONS
from board.history.store import History
from board.history.summary import MINUTES, Summary
from board.queries.shared import Counts

__all__ = ["NOTHING_KNOWN", "Pace", "pace_calls", "pace_of"]

MINUTE: Final = RESOLUTIONS[1]

LATE_MS: Final = 120_000
"""A history that was not written for this long says nothing of now."""

LEAST: Final = 10
"""Fewer jobs more or less are no trend."""

LEAST_SHARE: Final = 0.02
"""Nor is a smaller part of them."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a queue goes.

    Attributes:
        wait_p95_ms: 95 of 100 jobs waited no longer, over the last quarter of an hour; None when that is not known.
        clears_ms: time until nothing waits, should it go on as it does; None unless the open jobs become fewer.
        grows: open jobs more each minute; None unless they become more.
    """

    wait_p95_ms: float | None = None
    clears_ms: float | None = None
    grows: float | None = None


NOTHING_KNOWN: Final = Pace()


def pace_calls(history: History, queue: QueueKeys, now_ms: int) -> list[Call[Any]]:
    """Return the reads that ``pace_of`` takes, for a page to send with its own."""
    return [
        history.state(),
        history.now([queue.base]),
        history.figures(MINUTE, _then(now_ms), [queue.base]),
    ]


def pace_of(replies: list[Any], queue: QueueKeys, counts: Counts, now_ms: int) -> Pace:
    """Tell how the queue goes from what ``pace_calls`` read, and from its counts now."""
    if any(isinstance(reply, EngineError) for reply in replies):
        return NOTHING_KNOWN
    state, summaries, (before,) = replies
    then = _then(now_ms)
    stored = summaries.get(queue.base)
    summary = Summary.unpack(stored) if stored else None
    wait = summary.wait_p95_ms if summary and now_ms - summary.at_ms < LATE_MS else None
    is_known = (
        state.since_ms is not None
        and state.since_ms <= then
        and now_ms - (state.until_ms or 0) < LATE_MS
        and not any(gap.from_ms < then + MINUTE.ms and gap.to_ms > then for gap in state.gaps)
    )
    if not is_known:
        return Pace(wait)
    was = before.open_jobs or 0.0  # empty queues are not stored
    more = counts.open - was
    if abs(more) < max(LEAST, LEAST_SHARE * was):
        return Pace(wait)
    a_minute = more * 60_000 / (now_ms - then - MINUTE.ms / 2)
    if a_minute > 0:
        return Pace(wait, grows=a_minute)
    clears_ms = counts.behind / -a_minute * 60_000
    return Pace(wait, clears_ms=clears_ms or None)


def _then(now_ms: int) -> int:
    """Return the beginning of the minute that now is compared with."""
    return MINUTE.start(now_ms - MINUTES * 60_000)
