"""What is told: one message for each rule, change and step, in the words of each kind of channel."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from board.alerts.rules import Rule
from board.alerts.sentences import sentence_of, title_of
from board.alerts.state import Transition
from board.spans import duration

__all__ = [
    "MOST_TOLD",
    "Message",
    "Told",
    "mail_text",
    "messages_of",
    "read_message",
    "signature_of",
    "slack_body",
    "webhook_body",
]

MOST_TOLD = 20
"""Incidents that a message names; the others are counted."""

MARKS = {"fired": "FIRING", "reminded": "STILL FIRING", "resolved": "RESOLVED", "test": "TEST"}


@dataclass(frozen=True, slots=True)
class Told:
    """One incident of a message; ``value`` in the unit of the rule."""

    id: str
    prefix: str
    queue: str
    group: str
    words: str
    value: float
    since_ms: int


@dataclass(frozen=True, slots=True)
class Message:
    """One message for one channel.

    Attributes:
        id: the same whenever the same message is made, so that it is sent once.
        channel: id of the channel.
        what: ``fired``, ``reminded``, ``resolved`` or ``test``.
        rule: id of the rule.
        title: what the rule is called.
        sentence: the rule.
        severity: of the rule.
        connection: what the board calls this Redis.
        at_ms: when it changed.
        incidents: what it is about, MOST_TOLD at most.
        more: how many besides.
    """

    id: str
    channel: str
    what: str
    rule: str
    title: str
    sentence: str
    severity: str
    connection: str
    at_ms: int
    incidents: tuple[Told, ...] = ()
    more: int = 0

    def written(self) -> str:
        """Write it for Redis."""
        return json.dumps(asdict(self))

    def packed(self) -> dict[str, Any]:
        """Return it as the data of a job."""
        return asdict(self)

    @property
    def headline(self) -> str:
        """What it says in one line."""
        return f"[{MARKS.get(self.what, self.what)}] {self.title} ({self.connection})"

    @property
    def lines(self) -> list[str]:
        """What it says below: a line for each incident."""
        said = [f"{one.words or one.queue or self.connection}{self._since(one)}" for one in self.incidents]
        return [*said, f"and {self.more} more"] if self.more else said

    def _since(self, one: Told) -> str:
        if self.what == "test":
            return ""
        took = duration(max(0, self.at_ms - one.since_ms))
        return f" (it was so for {took})" if self.what == "resolved" else f" (since {_clock(one.since_ms)}, {took})"


def read_message(stored: Any) -> Message | None:
    """Read one that was written, as text or as JSON that was read already; None for what cannot be read."""
    try:
        found = json.loads(stored) if isinstance(stored, (str, bytes)) else stored
        return Message(**{**found, "incidents": tuple(Told(**one) for one in found["incidents"])})
    except (ValueError, TypeError, KeyError):
        return None


def messages_of(rule: Rule, transitions: Sequence[Transition], connection: str, known: Iterable[str]) -> list[Message]:
    """Return what is told of a rule after a step: for each change and channel one message.

    Args:
        rule: the rule.
        transitions: its changes in this step.
        connection: what the board calls this Redis.
        known: ids of the channels that there are.
    """
    there, found = set(known), []
    for what in ("fired", "reminded", "resolved"):
        told = [one for one in transitions if one.what == what and one.is_told]
        if not told:
            continue
        told.sort(key=lambda one: -abs(one.incident.value))
        names = "\0".join(sorted(f"{one.incident.id}:{one.incident.reminders}" for one in told))
        message = Message(
            id="",
            channel="",
            what=what,
            rule=rule.id,
            title=title_of(rule),
            sentence=sentence_of(rule),
            severity=rule.severity,
            connection=connection,
            at_ms=told[0].at_ms,
            incidents=tuple(_told(one) for one in told[:MOST_TOLD]),
            more=max(0, len(told) - MOST_TOLD),
        )
        for channel in rule.channels:
            if channel in there:
                name = "m" + hashlib.sha256(f"{what}\0{channel}\0{names}".encode()).hexdigest()[:31]
                found.append(replace(message, id=name, channel=channel))
    return found


def webhook_body(message: Message) -> bytes:
    """Write a message for a webhook: JSON, times in ms since the epoch."""
    return json.dumps(
        {
            "id": message.id,
            "event": message.what,
            "rule": {
                "id": message.rule,
                "title": message.title,
                "sentence": message.sentence,
                "severity": message.severity,
            },
            "connection": message.connection,
            "at_ms": message.at_ms,
            "text": "\n".join((message.headline, *message.lines)),
            "incidents": [asdict(one) for one in message.incidents],
            "more": message.more,
        },
        separators=(",", ":"),
    ).encode()


def slack_body(message: Message) -> bytes:
    """Write a message for Slack, and for what takes the same: one text, nothing in it a link, a name or a command."""
    lines = (f"*{_slack(message.headline)}*", *(f"• {_slack(line)}" for line in message.lines))
    return json.dumps({"text": "\n".join(lines)}).encode()


def mail_text(message: Message) -> str:
    """Write a message for people."""
    return "\n".join((message.sentence + ".", "", *(f"- {line}" for line in message.lines), "", _clock(message.at_ms)))


def signature_of(secret: str, timestamp: str, body: bytes) -> str:
    """Sign a body: HMAC-SHA256 over the timestamp, a dot and the body."""
    return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _told(transition: Transition) -> Told:
    one, subject = transition.incident, transition.incident.subject
    return Told(one.id, subject.prefix, subject.queue, subject.group, str(one.words), one.value, one.since_ms)


def _slack(text: str) -> str:
    """Escape what Slack would read: markup of links and mentions, and of styles within a name."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\u200b{sign}" if sign in "*_~`" else sign for sign in text)


def _clock(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
