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
from board.spans import duration, percentage
from board.words import Count, Sentence, sentence, sentences

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
        line: what it is about in each of the last thirty minutes, as evidence: failures, open jobs or the age of the
            next job in line; empty where that was not recorded.
        counts_failures: the line is of failures.
    """

    severity: Severity
    queue: QueueName
    sentence: str
    action_label: str
    action_url_kind: UrlKind
    action_state: str | None
    weight: int = 0
    line: tuple[int, ...] = ()
    counts_failures: bool = False


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

    @property
    def failed_line(self) -> tuple[int, ...]:
        """Failures in each of the last minutes."""
        return self.summary.failed_line if self.summary else ()

    @property
    def open_line(self) -> tuple[int, ...]:
        """Open jobs in each of them."""
        return self.summary.open_line if self.summary else ()

    @property
    def oldest_line(self) -> tuple[int, ...]:
        """Age of the next job in line in each of them."""
        return self.summary.oldest_line if self.summary else ()

    def tell(
        self, severity: Severity, told: str, label: str, state: str, weight: int, *, line: tuple[int, ...] = ()
    ) -> Attention:
        return Attention(severity, self.queue, told, label, "state", state, weight, line)

    def tell_of_failures(self, severity: Severity, told: str, weight: int) -> Attention:
        label, line = _open_failed(self.counts.failed), self.failed_line
        return Attention(severity, self.queue, told, label, "state", "failed", weight, line, counts_failures=True)

    @property
    def behind_state(self) -> str:
        """The state that most of the jobs wait in that could start at once."""
        if self.counts.paused > self.counts.waiting:
            return "paused"
        return "waiting" if self.counts.waiting >= self.counts.prioritized else "prioritized"


def attention_of(
    queue: QueueName,
    reading: QueueReading,
    counts: Counts,
    workers: int | None,
    now_ms: int,
    *,
    summary: Summary | None = None,
    paused_by: str = "",
) -> list[Attention]:
    """Return what is wrong with one queue, worst first.

    Args:
        queue: its name.
        reading: its conditions.
        counts: its jobs.
        workers: how many are connected; None when that cannot be known.
        now_ms: the time.
        summary: what the recorder says of its last quarter of an hour.
        paused_by: who paused it last with a board; empty where nobody did.
    """
    subject = _Subject(queue, reading, counts, workers, now_ms, summary, paused_by)
    found = [one for rule in _RULES for one in rule(subject)]
    return found if len(found) < 2 else sorted(found, key=lambda one: (ORDER[one.severity], -one.weight))


_OPEN: Final = {
    "active": sentence("Open active"),
    "paused": sentence("Open paused"),
    "waiting": sentence("Open waiting"),
    "prioritized": sentence("Open prioritized"),
}


def _open_failed(failed: int) -> str:
    return sentence("Open %(failed)s failed", failed=Count(failed))


def _unreadable(subject: _Subject) -> Iterator[Attention]:
    if subject.reading.problems:
        told = sentence("could not be read: %(problem)s", problem=subject.reading.problems[0])
        yield subject.tell("critical", told, sentence("Open the queue"), "waiting", 0)


def _failed(subject: _Subject) -> Iterator[Attention]:
    failed = subject.counts.failed
    if not failed or subject.is_rising:
        return
    share = failed / (failed + subject.counts.completed)
    severity: Severity = "critical" if failed >= MANY_FAILED and share > CRITICAL_SHARE else "warn"
    told: Sentence = sentences("has %(n)s failed job", "has %(n)s failed jobs", failed, n=Count(failed))
    if failed >= MANY_FAILED and subject.counts.completed:
        told = sentences(
            "has %(n)s failed job, %(share)s of the finished jobs kept",
            "has %(n)s failed jobs, %(share)s of the finished jobs kept",
            failed,
            n=Count(failed),
            share=percentage(100 * share),
        )
    yield subject.tell_of_failures(severity, told, failed)


def _rising(subject: _Subject) -> Iterator[Attention]:
    lately = subject.summary
    if not subject.is_rising or lately is None or lately.usual_failed is None:
        return
    usual = lately.usual_failed
    many = Count(lately.failed)
    if usual >= 1:
        told = sentence("failures rising, %(n)s in 15 min against a usual %(usual)s", n=many, usual=Count(round(usual)))
    else:
        told = sentence("failures rising, %(n)s in 15 min against a usual one or none", n=many)
    yield subject.tell_of_failures("critical", told, lately.failed)


def _stalled(subject: _Subject) -> Iterator[Attention]:
    if subject.summary is not None and subject.summary.stalled:
        stalled = Count(subject.summary.stalled)
        told = sentences(
            "had %(n)s job taken back from lost workers in 15 min",
            "had %(n)s jobs taken back from lost workers in 15 min",
            stalled,
            n=stalled,
        )
        yield subject.tell("warn", told, _OPEN["active"], "active", stalled, line=subject.open_line)


def _no_workers(subject: _Subject) -> Iterator[Attention]:
    counts = subject.counts
    if subject.workers != 0 or subject.reading.meta.paused:
        return
    if counts.active:
        active, behind = Count(counts.active), Count(counts.behind)
        told = sentence("has no worker connected by name. %(active)s active", active=active)
        if behind:
            told = sentence(
                "has no worker connected by name. %(active)s active, %(behind)s waiting", active=active, behind=behind
            )
        yield subject.tell("warn", told, _OPEN["active"], "active", counts.active, line=subject.open_line)
    elif counts.behind:
        behind = Count(counts.behind)
        told = sentences("has no workers. %(n)s job waiting", "has no workers. %(n)s jobs waiting", behind, n=behind)
        state = subject.behind_state
        yield subject.tell("critical", told, _OPEN[state], state, behind, line=subject.open_line)


def _late(subject: _Subject) -> Iterator[Attention]:
    since = subject.reading.waiting_since_ms
    if since is None or subject.reading.meta.paused or not subject.workers:
        return
    age_ms = subject.now_ms - since
    if age_ms > OLDEST_WAITING_MS:
        told = sentence(
            "next job in line waits for %(time)s, limit %(limit)s",
            time=duration(age_ms),
            limit=duration(OLDEST_WAITING_MS),
        )
        state = subject.behind_state
        yield subject.tell("warn", told, _OPEN[state], state, subject.counts.behind, line=subject.oldest_line)


def _paused(subject: _Subject) -> Iterator[Attention]:
    behind = subject.counts.behind
    if subject.reading.meta.paused and behind:
        told = (
            sentences(
                "is paused, last here by %(name)s. %(n)s job waits behind it",
                "is paused, last here by %(name)s. %(n)s jobs wait behind it",
                behind,
                n=Count(behind),
                name=subject.paused_by,
            )
            if subject.paused_by
            else sentences(
                "is paused. %(n)s job waits behind it", "is paused. %(n)s jobs wait behind it", behind, n=Count(behind)
            )
        )
        state = subject.behind_state
        yield Attention(
            "paused", subject.queue, told, sentence("Resume"), "resume", state, behind, line=subject.open_line
        )


def _limited(subject: _Subject) -> Iterator[Attention]:
    left, counts, meta = subject.reading.limited_ms, subject.counts, subject.reading.meta
    if left is not None and counts.behind:
        told = sentences(
            "is rate limited for another %(time)s. %(n)s job waiting",
            "is rate limited for another %(time)s. %(n)s jobs waiting",
            counts.behind,
            n=Count(counts.behind),
            time=duration(left),
        )
        state = subject.behind_state
        yield subject.tell("info", told, _OPEN[state], state, counts.behind, line=subject.open_line)
    if meta.concurrency is not None and counts.active >= meta.concurrency and counts.behind and not meta.paused:
        told = sentences(
            "runs %(active)s of %(n)s job allowed at once. %(behind)s waiting",
            "runs %(active)s of %(n)s jobs allowed at once. %(behind)s waiting",
            meta.concurrency,
            n=Count(meta.concurrency),
            active=Count(counts.active),
            behind=Count(counts.behind),
        )
        yield subject.tell("info", told, _OPEN["active"], "active", counts.behind, line=subject.open_line)


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
