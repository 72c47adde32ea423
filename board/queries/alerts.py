"""The page of alerts, and the trial of a rule: each in one round trip."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from board.alerts.channels import Channel, ShownChannel
from board.alerts.rules import Rule
from board.alerts.sentences import sentence_of, title_of
from board.alerts.state import Incident, Silence
from board.alerts.store import MOST_HISTORY, Alerts, Past
from board.alerts.trial import MOST_TRIED, Trial, calls_for, groups_call, trial_of, trial_of_groups
from board.engine.calls import Batch, Call
from board.engine.keys import QueueKeys
from board.errors import OutboundError
from board.history.groups import Groups
from board.history.store import History
from board.queries.shared import Known, QueueName, Reads, queue_name
from board.spans import duration
from board.words import sentence

__all__ = [
    "AlertsPage",
    "ChannelRow",
    "FiringRow",
    "PastRow",
    "RuleRow",
    "SilenceRow",
    "firing_calls",
    "firing_of",
    "past_row",
    "read_alerts",
    "read_trial",
]

LATE_MS = 60_000
"""Nobody has looked for this long: something is wrong with the looking."""

LISTED = 100
"""Lines of the history."""


@dataclass(frozen=True, slots=True)
class FiringRow:
    """An incident that fires; ``queue`` is None for the server, ``group`` a cause of failures or empty."""

    rule: str
    title: str
    severity: str
    queue: QueueName | None
    group: str
    words: str
    since_ms: int
    fired_ms: int
    silenced: bool


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule: its sentence, its state in a word, whom it tells, and when it fired last as far as that is known."""

    rule: Rule
    title: str
    sentence: str
    state: str
    firing: int
    pending: int
    tells: tuple[str, ...]
    last_fired_ms: int | None
    reminder: str


@dataclass(frozen=True, slots=True)
class SilenceRow:
    """A silence, and what the rule is called that it is about; empty for all."""

    silence: Silence
    title: str


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """A channel without secrets; ``problem`` says why it cannot be reached as things stand, and is empty otherwise."""

    channel: ShownChannel
    problem: str


@dataclass(frozen=True, slots=True)
class PastRow:
    """One line of the history; ``queue`` is None for the server."""

    what: str
    at_ms: int
    rule: str
    title: str
    severity: str
    queue: QueueName | None
    words: str
    fired_ms: int
    told: bool


@dataclass(frozen=True, slots=True)
class AlertsPage:
    """All there is about alerts, as far as a person may see it.

    Attributes:
        firing: what fires now, worst and oldest first.
        pending: how many incidents may fire soon.
        rules: oldest first.
        silences: those that hold, by their end.
        channels: by name.
        past: the latest changes, newest first; none where they were not read.
        undelivered: messages that were given up; for who sees all queues, as they are about any.
        waiting: messages on their way; the same holds.
        looked_ms: when the queues were last looked at; None for never.
        late: nobody has looked for too long, although there are rules.
    """

    firing: tuple[FiringRow, ...]
    pending: int
    rules: tuple[RuleRow, ...]
    silences: tuple[SilenceRow, ...]
    channels: tuple[ChannelRow, ...]
    past: tuple[PastRow, ...]
    undelivered: int
    waiting: int
    looked_ms: int | None
    late: bool


def read_alerts(
    connection: Reads,
    alerts: Alerts,
    known: Known,
    queues: Sequence[QueueKeys],
    *,
    now_ms: int,
    sees_all: bool,
    may_edit: bool,
    check: Callable[[Channel], None],
    of_rule: str = "",
    with_past: bool = True,
) -> AlertsPage:
    """Read the page in one round trip.

    Args:
        connection: to Redis.
        alerts: where they are kept.
        known: spells queues, and says which are shown.
        queues: those that the person sees.
        now_ms: the time.
        sees_all: nothing is hidden from them.
        may_edit: where channels lead is for them.
        check: raises OutboundError for a channel that leads where the board may not call.
        of_rule: tell of the past of this rule alone.
        with_past: read the history, which is most of what there is to read. Without it no rule says when it fired last.
    """
    calls: list[Call[Any]] = [
        *(alerts.rules(), alerts.channels(), alerts.silences(), alerts.incidents(), alerts.standing()),
        *(_length(alerts.undelivered, "wait", "LLEN"), _length(alerts.deliveries, "wait", "LLEN")),
        _length(alerts.deliveries, "delayed", "ZCARD"),
        *([alerts.history(MOST_HISTORY)] if with_past else []),
    ]
    rules, channels, silences, incidents, standing, given_up, *under_way = connection.batch(Batch.of(calls))
    past = under_way.pop() if with_past else []

    def shown(prefix: str, queue: str) -> bool:
        return known.is_shown(QueueKeys(prefix, queue)) if queue else sees_all

    rules = [rule for rule in rules if sees_all or any(rule.matches(queue.name) for queue in queues)]
    by_id = {rule.id: rule for rule in rules}
    seen = _seen(incidents, by_id, known, sees_all=sees_all)
    last: dict[str, int] = {}
    for line in past:
        if line.what == "fired" and shown(line.prefix, line.queue):
            last.setdefault(line.rule, line.at_ms)
    names = {channel.id: channel.name for channel in channels}
    return AlertsPage(
        firing=_fires(seen, by_id, known),
        pending=sum(one.state == "pending" for one in seen),
        rules=tuple(_rule(rule, seen, names, last.get(rule.id)) for rule in rules),
        silences=tuple(
            # A reason may speak of any queue.
            SilenceRow(
                one if sees_all else replace(one, why=""), title_of(by_id[one.rule]) if one.rule in by_id else ""
            )
            for one in silences
            if one.until_ms > now_ms and (sees_all or any(one.covers(one.rule, queue.name, now_ms) for queue in queues))
        ),
        channels=tuple(
            ChannelRow(channel.shown, _problem(channel, check))
            if may_edit
            else ChannelRow(replace(channel.shown, place=""), "")
            for channel in channels
        ),
        past=tuple(
            past_row(line, known)
            for line in islice(
                (one for one in past if shown(one.prefix, one.queue) and (not of_rule or one.rule == of_rule)), LISTED
            )
        ),
        undelivered=given_up if sees_all else 0,
        waiting=sum(under_way) if sees_all else 0,
        looked_ms=standing.at_ms,
        late=bool(rules) and (standing.at_ms is None or now_ms - standing.at_ms > LATE_MS),
    )


def firing_calls(alerts: Alerts) -> list[Call[Any]]:
    """Describe reading what ``firing_of`` makes rows of, for a page about something else."""
    return [alerts.rules(), alerts.incidents(), alerts.standing()]


def firing_of(
    rules: Sequence[Rule], incidents: Mapping[str, Incident], known: Known, *, sees_all: bool
) -> tuple[FiringRow, ...]:
    """Return what fires and is not silenced, worst and oldest first, as far as a person may see it."""
    by_id = {rule.id: rule for rule in rules}
    seen = _seen(incidents, by_id, known, sees_all=sees_all)
    return _fires([one for one in seen if not one.silenced], by_id, known)


def read_trial(
    connection: Reads, history: History, groups: Groups, rule: Rule, queues: Sequence[QueueKeys], *, now_ms: int
) -> Trial:
    """Try a rule on the recorded week of the queues that it matches, in one round trip."""
    if not rule.about.is_recorded:
        told = sentence("%(what)s is not recorded, so this rule cannot be tried.", what=rule.about.label)
        return Trial(told)
    matching = [queue for queue in queues if rule.matches(queue.name)]
    if not matching:
        return Trial(sentence("No queue of now has such a name, so there is nothing to try it on."))
    if rule.kind == "new_group":
        reading = connection.batch(Batch.of([groups_call(groups, now_ms, [queue.base for queue in matching])]))[0]
        return trial_of_groups(rule, reading, now_ms)
    tried = matching[:MOST_TRIED]
    calls: list[Call[Any]] = [history.state(), *calls_for(history, rule, tried, now_ms)]
    state, *figures = connection.batch(Batch.of(calls))
    return trial_of(rule, tried, state, figures, now_ms, left_out=len(matching) - len(tried))


def _seen(
    incidents: Mapping[str, Incident], rules: Mapping[str, Rule], known: Known, *, sees_all: bool
) -> list[Incident]:
    """Return the incidents that a person may see; those about the server are for who sees all queues."""
    return [
        one
        for one in incidents.values()
        if one.rule in rules
        and (known.is_shown(QueueKeys(one.subject.prefix, one.subject.queue)) if one.subject.queue else sees_all)
    ]


def _fires(seen: Sequence[Incident], rules: Mapping[str, Rule], known: Known) -> tuple[FiringRow, ...]:
    return tuple(sorted((_firing(one, rules, known) for one in seen if one.state == "firing"), key=_worst))


def _length(queue: QueueKeys, suffix: str, command: str) -> Call[int]:
    return Call((command, queue.key(suffix)), int, writes=False)


def _problem(channel: Channel, check: Callable[[Channel], None]) -> str:
    try:
        check(channel)
    except OutboundError as refused:
        return str(refused)
    return ""


def _worst(row: FiringRow) -> tuple[bool, int, int]:
    return row.silenced, ("critical", "warn", "info").index(row.severity), row.fired_ms


def _firing(one: Incident, rules: Mapping[str, Rule], known: Known) -> FiringRow:
    rule, subject = rules[one.rule], one.subject
    return FiringRow(
        rule=rule.id,
        title=title_of(rule),
        severity=rule.severity,
        queue=queue_name(QueueKeys(subject.prefix, subject.queue), known) if subject.queue else None,
        group=subject.group,
        words=_words(one.words, subject.prefix, subject.queue, subject.group, known),
        since_ms=one.since_ms,
        fired_ms=one.fired_ms,
        silenced=one.silenced,
    )


def _rule(rule: Rule, incidents: Sequence[Incident], names: dict[str, str], last: int | None) -> RuleRow:
    own = [one for one in incidents if one.rule == rule.id]
    firing = [one for one in own if one.state == "firing"]
    state = "pending" if own else "fine"
    if firing:
        state = "silenced" if all(one.silenced for one in firing) else "firing"
    return RuleRow(
        rule=rule,
        title=title_of(rule),
        sentence=sentence_of(rule),
        state=state,
        firing=len(firing),
        pending=len(own) - len(firing),
        tells=tuple(names[one] for one in rule.channels if one in names),
        last_fired_ms=last,
        reminder=duration(rule.remind_ms) if rule.remind_ms else "",
    )


def _words(words: str, prefix: str, queue: str, group: str, known: Known) -> str:
    """Return what is told of a figure; what a cause of failures says comes from the jobs, and is for who sees those."""
    if not group or known.shows_data(QueueKeys(prefix, queue)):
        return words
    return sentence("%(queue)s has a new cause of failures", queue=queue)


def past_row(line: Past, known: Known) -> PastRow:
    """Return a line of the history as a person may read it."""
    return PastRow(
        what=line.what,
        at_ms=line.at_ms,
        rule=line.rule,
        title=line.title,
        severity=line.severity,
        queue=queue_name(QueueKeys(line.prefix, line.queue), known) if line.queue else None,
        words=_words(line.words, line.prefix, line.queue, line.group, known),
        fired_ms=line.fired_ms,
        told=line.told,
    )
