"""Rules: what is looked at, in which queues, from where on it is too much, for how long, and who is told."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from board.errors import BadRequestError
from board.limits import read_length_ms
from board.words import Count, Sentence, mark, sentence

__all__ = [
    "KINDS",
    "MOST_RULES",
    "RATE_MS",
    "SEVERITIES",
    "Kind",
    "Rule",
    "checked",
    "length_ms",
    "new_id",
    "read_rule",
]

MOST_RULES = 50
"""More are not taken: each is looked at every few seconds."""

MOST_CHANNELS_OF_A_RULE = 10
SEVERITIES: Final = (mark("critical"), mark("warn"), mark("info"))
RATE_MS = 300_000
"""Failures and stalls are counted over the last five minutes, and the minute that has begun."""

LONGEST_MS = 2 * 86_400_000
"""Longest silence of a producer, and longest wait: the recorder keeps ten minutes apart for that long."""

LONGEST_REMINDER_MS = 7 * 86_400_000


@dataclass(frozen=True, slots=True)
class Kind:
    """One thing that a rule can look at.

    Attributes:
        name: in forms and programs.
        label: in a list of choices.
        unit: of the threshold: ``jobs``, ``ms``, ``%``, ``workers``, ``stalls`` or nothing.
        low: smallest threshold.
        high: largest.
        is_below: it fires under the threshold, not over it.
        by_queue: it is about queues, each by itself; else about the whole server.
        is_recorded: what it looks at is kept, so that it can be tried.
        words: the message of it as a sentence, with ``queues`` and ``limit``.
    """

    name: str
    label: str
    unit: str
    low: int
    high: int
    words: str
    is_below: bool = False
    by_queue: bool = True
    is_recorded: bool = True


KINDS: Final[Mapping[str, Kind]] = {
    one.name: one
    for one in (
        Kind("depth", sentence("Open jobs"), "jobs", 0, 1_000_000_000, mark("more than %(limit)s open in %(queues)s")),
        Kind(
            "oldest",
            sentence("Wait of the next job"),
            "ms",
            1_000,
            LONGEST_MS,
            mark("the next job in %(queues)s waits over %(limit)s"),
        ),
        Kind("failures", sentence("Share of failures"), "%", 0, 99, mark("failures in %(queues)s above %(limit)s")),
        Kind("new_group", sentence("New cause of failures"), "", 0, 0, mark("a new cause of failures in %(queues)s")),
        Kind(
            *(
                "workers",
                sentence("Missing workers"),
                "workers",
                1,
                10_000,
                mark("fewer than %(limit)s while jobs wait in %(queues)s"),
            ),
            is_below=True,
            is_recorded=False,
        ),
        Kind(
            "stalls",
            sentence("Stalled jobs"),
            "stalls",
            0,
            1_000_000,
            mark("more than %(limit)s in 5 min in %(queues)s"),
        ),
        Kind(
            "absent",
            sentence("No job ended"),
            "ms",
            60_000,
            LONGEST_MS,
            mark("no job ended in %(queues)s for %(limit)s"),
        ),
        Kind(
            *(
                "missed",
                sentence("Late schedule"),
                "ms",
                10_000,
                LONGEST_MS,
                mark("a schedule in %(queues)s is over %(limit)s late"),
            ),
            is_recorded=False,
        ),
        Kind(
            *("memory", sentence("Memory of Redis"), "%", 1, 100, mark("Redis uses more than %(limit)s of its memory")),
            by_queue=False,
            is_recorded=False,
        ),
    )
}
"""Everything that can be watched."""

_GLOB = re.compile(r"[^\s,]{1,200}")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        id: its own.
        kind: a name of ``KINDS``.
        queues: glob of queue names, without prefix.
        threshold: from where on it is too much, in the unit of the kind.
        for_ms: how long that must last.
        severity: ``critical``, ``warn`` or ``info``.
        remind_ms: how often it is told again while it lasts; 0 for never.
        channels: ids of those told.
        name: what people call it; empty takes its sentence.
        job_name: only jobs of this name, for ``absent``; empty for all.
        made_ms: when it was made: what was there before is not new.
        made_by: by whom.
    """

    id: str
    kind: str
    queues: str = "*"
    threshold: int = 0
    for_ms: int = 0
    severity: str = "warn"
    remind_ms: int = 0
    channels: tuple[str, ...] = ()
    name: str = ""
    job_name: str = ""
    made_ms: int = 0
    made_by: str = ""

    @property
    def about(self) -> Kind:
        """What it looks at."""
        return KINDS[self.kind]

    def matches(self, queue: str) -> bool:
        """Whether it is about the queue of that name."""
        return self.about.by_queue and fnmatchcase(queue, self.queues)

    def is_broken(self, value: float) -> bool:
        """Whether a value is too much, or too little."""
        return value < self.threshold if self.about.is_below else value > self.threshold

    def written(self) -> str:
        """Write it for Redis."""
        return json.dumps(asdict(self))


def new_id() -> str:
    """Return an id unlike any other."""
    return secrets.token_hex(6)


def read_rule(stored: Any) -> Rule | None:
    """Read one that was written; None for what cannot be read."""
    try:
        found = json.loads(stored)
        rule = Rule(**{**found, "channels": tuple(map(str, found["channels"]))})
    except (ValueError, TypeError, KeyError):
        return None
    return rule if rule.kind in KINDS and isinstance(rule.threshold, int) else None


def checked(rule: Rule) -> Rule:
    """Return a rule that makes sense, without what its kind has no use for.

    Raises:
        BadRequestError: it does not; one sentence for each problem.
    """
    if rule.kind not in KINDS:
        raise BadRequestError(
            sentence(
                "There is nothing called “%(kind)s” to watch: choose %(kinds)s.",
                kind=rule.kind[:40],
                kinds=", ".join(KINDS),
            )
        )
    kind, problems = rule.about, list[Sentence]()
    if not kind.low <= rule.threshold <= kind.high:
        problems.append(_limit_of(kind))
    if not 0 <= rule.for_ms <= LONGEST_MS:
        problems.append(sentence("A rule fires after two days at most."))
    if rule.severity not in SEVERITIES:
        problems.append(sentence("How bad it is is one of %(severities)s.", severities=", ".join(SEVERITIES)))
    if rule.remind_ms and not 60_000 <= rule.remind_ms <= LONGEST_REMINDER_MS:
        problems.append(sentence("Reminders come every minute at most, and once in seven days at least, or never."))
    if kind.by_queue and not _GLOB.fullmatch(rule.queues):
        problems.append(sentence("Queues are one name or glob of up to 200 characters without spaces and commas."))
    if len(rule.channels) > MOST_CHANNELS_OF_A_RULE:
        problems.append(sentence("A rule tells %(most)s channels at most.", most=MOST_CHANNELS_OF_A_RULE))
    if not _is_line(rule.name):
        problems.append(sentence("A name is one line of at most 200 characters."))
    if not _is_line(rule.job_name):
        problems.append(sentence("A name of jobs is one line of at most 200 characters."))
    if problems:
        raise BadRequestError(*problems)
    return Rule(
        id=rule.id,
        kind=rule.kind,
        queues=rule.queues if kind.by_queue else "*",
        threshold=rule.threshold,
        for_ms=0 if rule.kind in {"new_group", "absent", "missed"} else rule.for_ms,
        severity=rule.severity,
        remind_ms=rule.remind_ms,
        channels=tuple(dict.fromkeys(rule.channels)),
        name=rule.name.strip(),
        job_name=rule.job_name if rule.kind == "absent" else "",
        made_ms=rule.made_ms,
        made_by=rule.made_by,
    )


def _is_line(text: str) -> bool:
    return len(text) <= 200 and (not text or text.isprintable())


def _limit_of(kind: Kind) -> Sentence:
    """Say which thresholds a kind takes."""
    values = {"label": kind.label, "low": Count(kind.low), "high": Count(kind.high)}
    if kind.unit:
        return sentence("The limit of “%(label)s” is %(low)s to %(high)s %(unit)s.", **values, unit=kind.unit)
    return sentence("The limit of “%(label)s” is %(low)s to %(high)s.", **values)


def length_ms(text: str) -> int:
    """Read a length of time such as ``30s``, ``5min``, ``2h``; nothing is 0.

    Raises:
        BadRequestError: it is none.
    """
    text = text.strip().replace(" ", "")
    if text in {"", "0"}:
        return 0
    try:
        return read_length_ms(text)
    except ValueError:
        raise BadRequestError(
            sentence("“%(text)s” is no length of time such as 30s, 5min, 2h or 1days.", text=text[:40])
        ) from None
