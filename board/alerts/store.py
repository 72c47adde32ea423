"""Rules, channels, silences and incidents in Redis, as calls that the caller sends.

All keys lie in one slot and share a prefix (``Namespace.alerts``):

| key | holds |
|---|---|
| ``rules``, ``channels``, ``silences`` | hashes: id to JSON; bounded in number |
| ``incidents`` | hash: rule and subject to what is broken |
| ``state`` | hash: number of the latest step, and when it was |
| ``history`` | list: latest transitions, newest first |
| ``outbox`` | hash: messages that are not yet in their queue |
| ``deliveries:*``, ``undelivered:*`` | the queue of messages, and of those given up, as the engine keeps queues |
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from board.alerts.channels import MOST_CHANNELS, Channel, read_channel
from board.alerts.messages import Message, read_message
from board.alerts.rules import MOST_RULES, Rule, read_rule
from board.alerts.state import Incident, Silence, Transition, read_incident
from board.engine.calls import Call
from board.engine.codec import pack
from board.engine.keys import QueueKeys
from board.namespace import Namespace
from board.scripts import load
from board.words import packed, unpacked

__all__ = ["MOST_HISTORY", "MOST_SILENCES", "Alerts", "Past", "Standing", "Step", "past_of"]

T = TypeVar("T")

MOST_SILENCES = 100
MOST_HISTORY = 1_000
"""Transitions that the history keeps; some 300 KB."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the looking is.

    Attributes:
        revision: number of the latest step; 0 before the first.
        at_ms: when it was; None before the first.
    """

    revision: int = 0
    at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Past:
    """One line of the history.

    Attributes:
        what: ``fired`` or ``resolved``.
        at_ms: when.
        rule: id of the rule.
        title: what the rule was called then.
        severity: of the rule.
        prefix: of the queue; empty for the server.
        queue: its name.
        group: a cause of failures; empty for none.
        words: the figure as a sentence.
        since_ms: since when the rule was broken.
        fired_ms: since when it fired.
        told: it went to channels, or will.
    """

    what: str
    at_ms: int
    rule: str
    title: str
    severity: str
    prefix: str
    queue: str
    group: str
    words: str
    since_ms: int
    fired_ms: int
    told: bool

    def written(self) -> str:
        """Write it for Redis: its words in English, and what they are made of, to say them in another language."""
        return json.dumps({**asdict(self), "said": {"title": packed(self.title), "words": packed(self.words)}})


@dataclass(slots=True)
class Step:
    """What one step stores, all of it or nothing.

    Attributes:
        at_ms: the time.
        before: incidents as they were read.
        incidents: as they are now.
        history: news, oldest first.
        outbox: messages.
        ended: ids of silences that are over.
    """

    at_ms: int
    before: Mapping[str, Incident]
    incidents: Mapping[str, Incident]
    history: Sequence[Past] = ()
    outbox: Sequence[Message] = ()
    ended: Sequence[str] = field(default_factory=tuple)


class Alerts:
    """Describes reading and writing."""

    def __init__(self, namespace: Namespace) -> None:
        """Keep everything under the board's own prefix."""
        self.prefix = namespace.alerts
        prefix = self.prefix.removesuffix(":")
        self.deliveries = QueueKeys(prefix, "deliveries")
        self.undelivered = QueueKeys(prefix, "undelivered")

    def rules(self) -> Call[list[Rule]]:
        """Describe reading all rules, oldest first."""
        return self._all("rules", read_rule, lambda rule: (rule.made_ms, rule.id))

    def channels(self) -> Call[list[Channel]]:
        """Describe reading all channels with their secrets, by name."""
        return self._all("channels", read_channel, lambda channel: (channel.name.casefold(), channel.id))

    def silences(self) -> Call[list[Silence]]:
        """Describe reading all silences, those that are over included until the next step."""
        return self._all("silences", _silence, lambda silence: (silence.until_ms, silence.id))

    def incidents(self) -> Call[dict[str, Incident]]:
        """Describe reading what is broken, by ``Incident.field``."""
        return Call(
            ("HVALS", f"{self.prefix}incidents"),
            lambda reply: {one.field: one for each in reply or () if (one := read_incident(each))},
            writes=False,
        )

    def standing(self) -> Call[Standing]:
        """Describe reading how far the looking is."""
        return Call(
            ("HMGET", f"{self.prefix}state", "revision", "at"),
            lambda reply: Standing(int(reply[0] or 0), None if reply[1] is None else int(reply[1])),
            writes=False,
        )

    def history(self, most: int = 100) -> Call[list[Past]]:
        """Describe reading the latest transitions, newest first."""
        return Call(
            ("LRANGE", f"{self.prefix}history", 0, most - 1),
            lambda reply: [one for each in reply if (one := _past(each))],
            writes=False,
        )

    def outbox(self) -> Call[list[Message]]:
        """Describe reading messages that are not in their queue yet."""
        return self._all("outbox", read_message, lambda message: (message.at_ms, message.id))

    def posted(self, messages: Iterable[Message]) -> Call[int]:
        """Describe taking messages out of the outbox: they are in their queue."""
        return Call(("HDEL", f"{self.prefix}outbox", *(message.id for message in messages)), int)

    def put_rule(self, rule: Rule) -> Call[bool]:
        """Describe keeping a rule; False when there are too many."""
        return self._put("rules", rule.id, rule.written(), MOST_RULES)

    def put_channel(self, channel: Channel) -> Call[bool]:
        """Describe keeping a channel; False when there are too many."""
        return self._put("channels", channel.id, channel.written(), MOST_CHANNELS)

    def put_silence(self, silence: Silence) -> Call[bool]:
        """Describe keeping a silence; False when there are too many."""
        return self._put("silences", silence.id, json.dumps(asdict(silence)), MOST_SILENCES)

    def remove(self, what: str, one: str) -> Call[bool]:
        """Describe removing one of the ``rules``, ``channels`` or ``silences``; False when it is not there."""
        return Call(("HDEL", f"{self.prefix}{what}", one), bool)

    def record(self, seen: int, after: int, step: Step) -> Call[bool]:
        """Describe storing a step; False when another one was stored since ``seen`` was read."""
        changed = {name: one for name, one in step.incidents.items() if step.before.get(name) != one}
        payload = {
            "at": step.at_ms,
            "gone": [name for name in step.before if name not in step.incidents],
            "incidents": [part for name, one in changed.items() for part in (name, one.written())],
            "history": [one.written() for one in step.history],
            "outbox": [part for one in step.outbox for part in (one.id, one.written())],
            "ended": list(step.ended),
            "most_history": MOST_HISTORY,
        }
        return Call((self.prefix, seen, after, pack(payload)), bool, script=load("record_alerts"), keys=1)

    def _all(self, what: str, read: Callable[[Any], T | None], order: Callable[[T], Any]) -> Call[list[T]]:
        return Call(
            ("HVALS", f"{self.prefix}{what}"),
            lambda reply: sorted((one for each in reply or () if (one := read(each)) is not None), key=order),
            writes=False,
        )

    def _put(self, what: str, one: str, text: str, most: int) -> Call[bool]:
        return Call((f"{self.prefix}{what}", one, text, most), bool, script=load("put_bounded"), keys=1)


def past_of(transition: Transition, title: str, severity: str) -> Past:
    """Return a transition as a line of the history."""
    incident, subject = transition.incident, transition.incident.subject
    return Past(
        what=transition.what,
        at_ms=transition.at_ms,
        rule=incident.rule,
        title=title,
        severity=severity,
        prefix=subject.prefix,
        queue=subject.queue,
        group=subject.group,
        words=incident.words,
        since_ms=incident.since_ms,
        fired_ms=incident.fired_ms,
        told=transition.is_told,
    )


def _silence(stored: Any) -> Silence | None:
    try:
        return Silence(**json.loads(stored))
    except (ValueError, TypeError):
        return None


def _past(stored: Any) -> Past | None:
    try:
        found = json.loads(stored)
        said = found.pop("said", {})
        spoken = {name: unpacked(said.get(name), found[name]) for name in ("title", "words")}
        return Past(**{**found, **spoken})
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
