"""What becomes of an incident: it begins, fires, is told of again, and ends. Pure: time and figures are arguments.

An incident is one rule broken by one subject: a queue, a cause of failures in a queue, or the server. It is *pending*
while the rule's time has not passed, then *firing* until the figures are well again. A figure that is not known changes
nothing: what cannot be seen has neither broken nor healed.

::

    nothing ──broken──▶ pending ──for long enough──▶ firing ──well──▶ resolved (gone)
                           └──well──▶ nothing

Each change makes a ``Transition``, and each transition is told at most once. While an incident is silenced nothing is
told of it but the end of what was told before; when the silence ends before the incident does, that it fires is told.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, Final, Literal

from board.alerts.rules import Rule
from board.words import packed, unpacked

__all__ = ["MOST_INCIDENTS", "Incident", "Measured", "Silence", "Subject", "Transition", "advance", "read_incident"]

MOST_INCIDENTS = 1_000
"""Incidents that are kept at a time; more are not begun. Half a megabyte of Redis."""

What = Literal["fired", "reminded", "resolved"]
PENDING: Final = "pending"
FIRING: Final = "firing"


@dataclass(frozen=True, slots=True)
class Subject:
    """What breaks a rule.

    Attributes:
        prefix: of the queue; empty for the server.
        queue: its name; empty for the server.
        group: fingerprint of a cause of failures; empty for none.
    """

    prefix: str = ""
    queue: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure of a subject, as one rule sees it.

    Attributes:
        value: None when it is not known.
        words: it as a sentence; of a queue whose name it says.
        is_broken: whether it breaks the rule; None leaves that to the rule's threshold.
    """

    value: float | None
    words: str = ""
    is_broken: bool | None = None


@dataclass(frozen=True, slots=True)
class Silence:
    """A time in which nothing is told.

    Attributes:
        id: its own.
        rule: id of a rule; empty for all.
        queues: glob of queue names.
        until_ms: when it ends.
        by: who asked for it.
        why: in their words.
        at_ms: since when.
    """

    id: str
    rule: str
    queues: str
    until_ms: int
    by: str = ""
    why: str = ""
    at_ms: int = 0

    def covers(self, rule: str, queue: str, now_ms: int) -> bool:
        """Whether it holds for an incident now."""
        return now_ms < self.until_ms and self.rule in ("", rule) and fnmatchcase(queue, self.queues)


@dataclass(frozen=True, slots=True)
class Incident:
    """A rule that is broken.

    Attributes:
        rule: id of the rule.
        subject: by what.
        state: ``pending`` or ``firing``.
        since_ms: since when it is broken.
        fired_ms: when it began to fire; 0 while it is pending.
        told_ms: when it was told last; None for not yet.
        reminders: how often it was told again.
        value: the latest figure.
        words: the figure as a sentence.
        silenced: nothing is told of it right now.
    """

    rule: str
    subject: Subject
    state: str
    since_ms: int
    fired_ms: int = 0
    told_ms: int | None = None
    reminders: int = 0
    value: float = 0
    words: str = ""
    silenced: bool = False

    @property
    def field(self) -> str:
        """What it is called among the incidents that are kept."""
        return field_of(self.rule, self.subject)

    @property
    def id(self) -> str:
        """Tells it from every other incident, earlier ones of the same rule and subject too."""
        return hashlib.sha256(f"{self.field}\0{self.since_ms}".encode()).hexdigest()[:24]

    def written(self) -> str:
        """Write it for Redis."""
        return json.dumps({**asdict(self), "said": packed(self.words)})


@dataclass(frozen=True, slots=True)
class Transition:
    """A change that people may want to know.

    Attributes:
        what: ``fired``, ``reminded`` or ``resolved``.
        incident: as it is after the change; of one that ended, as it was.
        at_ms: when.
        is_told: it goes to the channels; False for one that is silenced.
        is_recorded: it goes into the history: it is news, not a message that was put off.
    """

    what: What
    incident: Incident
    at_ms: int
    is_told: bool
    is_recorded: bool = True


def field_of(rule: str, subject: Subject) -> str:
    """Name an incident by its rule and subject."""
    return json.dumps([rule, subject.prefix, subject.queue, subject.group])


def read_incident(stored: Any) -> Incident | None:
    """Read one that was written; None for what cannot be read."""
    try:
        found = json.loads(stored)
        words = unpacked(found.pop("said", None), found["words"])
        return Incident(**{**found, "subject": Subject(**found["subject"]), "words": words})
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def advance(
    rules: Iterable[Rule],
    incidents: Mapping[str, Incident],
    measured: Mapping[str, Mapping[Subject, Measured]],
    silences: Iterable[Silence],
    now_ms: int,
) -> tuple[dict[str, Incident], list[Transition]]:
    """Return what the incidents are now, and what has changed.

    Args:
        rules: all there are; incidents of others end without a word.
        incidents: as they were, by ``Incident.field``.
        measured: for each rule that could be looked at, its subjects: one that is missing is gone, and so is well.
            A rule that is missing could not be looked at: its incidents stay as they are.
        silences: all there are.
        now_ms: the time.
    """
    known, quiet = {rule.id: rule for rule in rules}, list(silences)
    left: dict[str, Incident] = {}
    changes: list[Transition] = []
    for field, incident in incidents.items():
        rule = known.get(incident.rule)
        if rule is None:
            continue
        figures = measured.get(rule.id)
        if figures is None:
            kept: Incident | None = incident
        else:
            kept = _next(rule, incident, figures.get(incident.subject, Measured(0, is_broken=False)), now_ms)
        if kept is None:
            if incident.state == FIRING:
                changes.append(Transition("resolved", incident, now_ms, is_told=incident.told_ms is not None))
            continue
        left[field] = kept
    for rule_id, figures in measured.items():
        rule = known.get(rule_id)
        if rule is None:
            continue
        for subject, figure in figures.items():
            field = field_of(rule_id, subject)
            if field in incidents or len(left) >= MOST_INCIDENTS or not _is_broken(rule, figure):
                continue
            begun = Incident(rule_id, subject, PENDING, now_ms)
            went_on = _next(rule, begun, figure, now_ms)
            if went_on is not None:
                left[field] = went_on
    for field, incident in left.items():
        before = incidents.get(field)
        left[field], told = _tell(known[incident.rule], incident, before, quiet, now_ms)
        changes += told
    return left, changes


def _is_broken(rule: Rule, figure: Measured) -> bool:
    if figure.is_broken is not None:
        return figure.is_broken
    return figure.value is not None and rule.is_broken(figure.value)


def _next(rule: Rule, incident: Incident, figure: Measured, now_ms: int) -> Incident | None:
    """Return an incident after a look at its figure; None when it is over."""
    if figure.value is None:
        return incident
    if not _is_broken(rule, figure):
        return None
    looked = replace(incident, value=figure.value, words=figure.words)
    if looked.state == PENDING and now_ms - looked.since_ms >= rule.for_ms:
        looked = replace(looked, state=FIRING, fired_ms=now_ms)
    return looked


def _tell(
    rule: Rule, incident: Incident, before: Incident | None, silences: Iterable[Silence], now_ms: int
) -> tuple[Incident, list[Transition]]:
    if incident.state != FIRING:
        return incident, []
    is_new = before is None or before.state != FIRING
    silenced = any(one.covers(rule.id, incident.subject.queue, now_ms) for one in silences)
    incident = replace(incident, silenced=silenced)
    if incident.told_ms is None and not silenced:
        incident = replace(incident, told_ms=now_ms)
        return incident, [Transition("fired", incident, now_ms, is_told=True, is_recorded=is_new)]
    if is_new:
        return incident, [Transition("fired", incident, now_ms, is_told=False)]
    told_ms = incident.told_ms
    if rule.remind_ms and told_ms is not None and not silenced and now_ms - told_ms >= rule.remind_ms:
        incident = replace(incident, told_ms=now_ms, reminders=incident.reminders + 1)
        return incident, [Transition("reminded", incident, now_ms, is_told=True, is_recorded=False)]
    return incident, []
