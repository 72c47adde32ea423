"""What explains a change in the figures, for the charts: what was done to queues, deploys, and alerts that fired."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from board.alerts.rules import Rule
from board.alerts.store import Alerts, Past
from board.engine.calls import Call
from board.engine.keys import QueueKeys
from board.history.store import History, Mark
from board.queries.alerts import past_row
from board.queries.shared import Known
from board.spans import duration
from board.words import Count, Sentence, row, sentence

__all__ = ["MOST_ALERTS", "Happened", "calls_for", "happened", "queue_of"]

MOST_ALERTS = 20
"""Alerts on a chart, the latest: each is a link of its own, and more could not be told apart."""

MOST_READ = 200
"""Changes of alerts looked at for these, of all queues: some 60 KB. What is older is on the page of alerts."""


@dataclass(frozen=True, slots=True)
class Happened:
    """Something at a moment of the charts.

    Attributes:
        at_ms: when.
        queue: name of the queue it happened to; empty for all.
        words: what, as a sentence or its end.
        severity: of an alert; empty for anything else.
        title: what the rule of the alert was called.
        rule: its id; empty when there is no such rule any more.
    """

    at_ms: int
    queue: str
    words: Sentence | str
    severity: str = ""
    title: str = ""
    rule: str = ""


def calls_for(history: History, alerts: Alerts, from_ms: int, to_ms: int) -> list[Call[Any]]:
    """Describe reading the marks of a time, the latest changes of alerts, and the rules."""
    return [history.marks(from_ms, to_ms), alerts.history(MOST_READ), alerts.rules()]


def happened(
    marks: Sequence[Mark],
    past: Sequence[Past],
    rules: Sequence[Rule],
    known: Known,
    *,
    queue: QueueKeys | None,
    sees_all: bool,
) -> tuple[Happened, ...]:
    """Return what a person may see of it, oldest first.

    Args:
        marks: of the time shown, newest first.
        past: changes of alerts in that time, newest first.
        rules: those that the person may see.
        known: says which queues are shown, and of which the data.
        queue: the only queue that it may be about.
        sees_all: whether alerts about the server are shown.
    """
    # ``lost`` says how many left; who they were is on the page of workers.
    told = [mark for mark in marks if mark.kind != "left"]
    found = [Happened(mark.at_ms, "", _said(mark)) for mark in told if not mark.base]
    for mark, about in ((mark, queue_of(mark.base)) for mark in told if mark.base):
        if queue in {None, about} and known.is_shown(about):
            found.append(Happened(mark.at_ms, about.name, _said(mark)))
    ids = {rule.id for rule in rules}
    fired = [one for one in past if one.what == "fired" and _is_shown(one, known, queue, sees_all=sees_all)]
    for line in (past_row(one, known) for one in fired[:MOST_ALERTS]):
        name = line.queue.name if line.queue else ""
        rule = line.rule if line.rule in ids else ""
        found.append(Happened(line.at_ms, name, line.words, line.severity, line.title, rule))
    found.reverse()  # of one moment, too, the older one comes first
    found.sort(key=lambda one: one.at_ms)
    return tuple(found)


def queue_of(base: str) -> QueueKeys:
    """Return the queue whose keys begin so."""
    prefix, _, name = base.removesuffix(":").rpartition(":")
    return QueueKeys(prefix, name or "?")


def _is_shown(past: Past, known: Known, queue: QueueKeys | None, *, sees_all: bool) -> bool:
    if not past.queue:
        return queue is None and sees_all
    about = QueueKeys(past.prefix, past.queue)
    return queue in {None, about} and known.is_shown(about)


def _said(mark: Mark) -> Sentence | str:
    match mark.kind:
        case "paused":
            return sentence("paused")
        case "resumed":
            return sentence("resumed")
        case "limits":
            return sentence("limits changed: %(limits)s", limits=_limits(mark.about))
        case "joined":
            return sentence("workers joined: %(change)s", change=mark.about)
        case "lost":
            return sentence("workers lost: %(change)s", change=mark.about)
        case "bulk":
            return sentence("bulk run began: %(verb)s", verb=sentence(mark.about))
        case _:
            return mark.about


def _limits(about: str) -> str:
    """Say limits as the recorder keeps them: jobs at once, and most jobs in a time, each null where there is none."""
    try:
        at_once, most, length_ms = json.loads(about)
        told: list[Sentence] = []
        if at_once is not None:
            told.append(sentence("%(n)s at once", n=Count(at_once)))
        if most is not None:
            told.append(sentence("%(n)s in %(time)s", n=Count(most), time=duration(length_ms or 0)))
    except (ValueError, TypeError, ArithmeticError):
        return about
    return row(told) if told else sentence("without limits")
