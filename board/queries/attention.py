"""What is wrong with a queue, as sentences with one button each, told from what Redis holds right now.

What needs a history (rising, stalled lately) is said where a recorder keeps one. Each rule is one function; a queue may
break several, and one that nobody needs to look at breaks none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from board.engine.commands.pages import QueueReading
from board.history.summary import Summary
from board.queries.shared import Counts, QueueName
from board.queries.text import count_of
from board.spans import duration

__all__ = ["Attention", "Severity", "UrlKind", "attention_of"]

Severity = Literal["critical", "warn", "paused", "info"]
UrlKind = Literal["state", "workers", "resume"]

OLDEST_WAITING_MS: Final = 600_000
"""A job that could start and waits longer than ten minutes is late; a setting once queues have limits of their own."""

RISING: Final = 3.0
"""Times the usual that call for somebody."""

MANY_FAILED: Final = 10
"""Fewer failures than this say little about their share."""

CRITICAL_SHARE: Final = 0.5
"""More than half of what ended has failed: something is down."""

ORDER: Final[dict[Severity, int]] = {"critical": 0, "warn": 1, "paused": 2, "info": 3}


@dataclass(frozen=True, slots=True)
class Attention:
    """One thing that somebody should look at.

    Attributes:
        severity: how bad.
        queue: where.
        sentence: continues the queue's name.
        action_label: words of the button.
        action_url_kind: ``state`` leads to the jobs of ``action_state``, ``workers`` to the workers, ``resume`` acts.
        action_state: wire name of a state.
        weight: jobs concerned, to put the worst first.
    """

    severity: Severity
    queue: QueueName
    sentence: str
    action_label: str
    action_url_kind: UrlKind
    action_state: str | None
    weight: int = 0


@dataclass(frozen=True, slots=True)
class _Subject:
    queue: QueueName
    reading: QueueReading
    counts: Counts
    workers: int | None
    now_ms: int
    summary: Summary | None
    paused_by: str = ""

    @property
    def is_rising(self) -> bool:
        """Whether far more fails than usual."""
        lately = self.summary
        if lately is None or lately.usual_failed is None or lately.failed < MANY_FAILED:
            return False
        return lately.failed >= RISING * lately.usual_failed

    def tell(self, severity: Severity, sentence: str, label: str, state: str, weight: int) -> Attention:
        return Attention(severity, self.queue, sentence, label, "state", state, weight)

    @property
    def behind_state(self) -> str:
        """The state that most of the jobs wait in that could start at once."""
        if self.counts.paused > self.counts.waiting:
            return "paused"
        return "waiting" if self.counts.waiting >= self.counts.prioritized else "prioritized"


def attention_of(
    queue: QueueName,
    reading: QueueReading,
    workers: int | None,
    now_ms: int,
    summary: Summary | None = None,
    *,
    paused_by: str = "",
) -> list[Attention]:
    """Return what is wrong with one queue, worst first.

    Args:
        queue: its name.
        reading: its counts and conditions.
        workers: how many are connected; None when that cannot be known.
        now_ms: the time.
        summary: what the recorder says of its last quarter of an hour.
        paused_by: who paused it last with a board; empty where nobody did.
    """
    subject = _Subject(queue, reading, Counts.read(reading.counts), workers, now_ms, summary, paused_by)
    found = [one for rule in _RULES for one in rule(subject)]
    return sorted(found, key=lambda one: (ORDER[one.severity], -one.weight))


def _unreadable(subject: _Subject) -> Iterator[Attention]:
    if subject.reading.problems:
        yield subject.tell("critical", f"could not be read: {subject.reading.problems[0]}", "Open", "waiting", 0)


def _failed(subject: _Subject) -> Iterator[Attention]:
    failed = subject.counts.failed
    if not failed or subject.is_rising:
        return
    share = failed / (failed + subject.counts.completed)
    severity: Severity = "critical" if failed >= MANY_FAILED and share > CRITICAL_SHARE else "warn"
    told = f", {share:.0%} of the finished jobs kept" if failed >= MANY_FAILED and subject.counts.completed else ""
    yield subject.tell(
        severity, f"has {count_of(failed, 'failed job')}{told}", f"Open {failed:,} failed", "failed", failed
    )


def _rising(subject: _Subject) -> Iterator[Attention]:
    lately = subject.summary
    if not subject.is_rising or lately is None or lately.usual_failed is None:
        return
    usual = lately.usual_failed
    told = f"a usual {usual:,.0f}" if usual >= 1 else "a usual one or none"
    sentence = f"failures rising, {lately.failed:,} in 15 min against {told}"
    failed = subject.counts.failed
    yield subject.tell("critical", sentence, f"Open {failed:,} failed", "failed", lately.failed)


def _stalled(subject: _Subject) -> Iterator[Attention]:
    if subject.summary is not None and subject.summary.stalled:
        sentence = f"had {count_of(subject.summary.stalled, 'job')} taken back from lost workers in 15 min"
        yield subject.tell("warn", sentence, "Open active", "active", subject.summary.stalled)


def _no_workers(subject: _Subject) -> Iterator[Attention]:
    counts = subject.counts
    if subject.workers != 0 or subject.reading.meta.paused:
        return
    if counts.active:
        told = f"{counts.active:,} active" + (f", {counts.behind:,} waiting" if counts.behind else "")
        yield subject.tell("warn", f"has no worker connected by name. {told}", "Open active", "active", counts.active)
    elif counts.behind:
        sentence = f"has no workers. {count_of(counts.behind, 'job')} waiting"
        yield subject.tell("critical", sentence, f"Open {subject.behind_state}", subject.behind_state, counts.behind)


def _late(subject: _Subject) -> Iterator[Attention]:
    since = subject.reading.waiting_since_ms
    if since is None or subject.reading.meta.paused or not subject.workers:
        return
    age_ms = subject.now_ms - since
    if age_ms > OLDEST_WAITING_MS:
        sentence = f"next job in line waits for {duration(age_ms)}, limit {duration(OLDEST_WAITING_MS)}"
        yield subject.tell(
            "warn", sentence, f"Open {subject.behind_state}", subject.behind_state, subject.counts.behind
        )


def _paused(subject: _Subject) -> Iterator[Attention]:
    behind = subject.counts.behind
    if subject.reading.meta.paused and behind:
        by = f", last here by {subject.paused_by}" if subject.paused_by else ""
        sentence = f"is paused{by}. {count_of(behind, 'job waits', 'jobs wait')} behind it"
        yield Attention("paused", subject.queue, sentence, "Resume", "resume", subject.behind_state, behind)


def _limited(subject: _Subject) -> Iterator[Attention]:
    left, counts, meta = subject.reading.limited_ms, subject.counts, subject.reading.meta
    if left is not None and counts.behind:
        sentence = f"is rate limited for another {duration(left)}. {count_of(counts.behind, 'job')} waiting"
        yield subject.tell("info", sentence, f"Open {subject.behind_state}", subject.behind_state, counts.behind)
    if meta.concurrency is not None and counts.active >= meta.concurrency and counts.behind and not meta.paused:
        sentence = (
            f"runs {counts.active:,} of {count_of(meta.concurrency, 'job')} allowed at once. {counts.behind:,} waiting"
        )
        yield subject.tell("info", sentence, "Open active", "active", counts.behind)


_RULES: tuple[Callable[[_Subject], Iterator[Attention]], ...] = (
    _unreadable,
    _rising,
    _failed,
    _stalled,
    _no_workers,
    _late,
    _paused,
    _limited,
)
