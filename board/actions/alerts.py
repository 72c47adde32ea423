"""Make, change and remove rules, channels and silences. Whoever may silence a queue silences it alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

from board.actions.accounts import perform_account
from board.actions.perform import Actor, Desk
from board.alerts.channels import MOST_CHANNELS, Channel, checked_channel, new_secret, place_of
from board.alerts.messages import Message
from board.alerts.rules import MOST_RULES, Rule, checked, new_id
from board.alerts.sentences import sentence_of, title_of
from board.alerts.state import Silence
from board.alerts.store import MOST_SILENCES, Alerts
from board.auth.policy import Identity, Permission, can, everywhere, smallest_role
from board.engine.calls import Batch, Call
from board.errors import BadRequestError, ForbiddenError
from board.spans import duration
from board.words import sentence

__all__ = [
    "Made",
    "Sends",
    "end_silence",
    "make_channel",
    "remove_channel",
    "remove_rule",
    "save_rule",
    "silence",
    "test_channel",
]

LONGEST_SILENCE_MS = 31 * 86_400_000

_WILD = frozenset("*?[")


class Sends(Protocol):
    """What sends a message to a channel."""

    def send(self, channel: Channel, message: Message) -> None:
        """Send it, or raise OutboundError."""


@dataclass(frozen=True, slots=True)
class Made:
    """What was made: its id, a secret that is shown only now, and why the audit log has no entry of it."""

    id: str
    audit_problem: str
    secret: str = ""


def save_rule(desk: Desk, actor: Actor, alerts: Alerts, rule: Rule) -> Made:
    """Keep a rule; one without an id is new."""
    made: list[str] = []

    def change() -> str:
        calls: list[Call[Any]] = [alerts.rules(), alerts.channels()]
        rules, channels = desk.connection.batch(Batch.of(calls))
        known = {one.id: one for one in rules}
        before = known.get(rule.id)
        if rule.id and before is None:
            raise BadRequestError(sentence("There is no such rule any more. Nothing was changed."))
        kept = checked(rule)
        if gone := sorted(set(kept.channels) - {channel.id for channel in channels}):
            raise BadRequestError(
                sentence("There is no channel %(name)s. Nothing was changed.", name=repr(gone[0][:40]))
            )
        kept = replace(
            kept,
            id=rule.id or new_id(),
            made_ms=before.made_ms if before else desk.clock(),
            made_by=before.made_by if before else actor.identity.name,
        )
        if not desk.connection.call(alerts.put_rule(kept)):
            raise BadRequestError(sentence("There are %(most)s rules already: remove one first.", most=MOST_RULES))
        made.append(kept.id)
        return f"{sentence_of(kept)} ({kept.id})" + (f"; before: {sentence_of(before)}" if before else "")

    action = "change alert" if rule.id else "make alert"
    problem = perform_account(desk, actor, action, change, permission=Permission.ALERT)
    return Made(made[0], problem)


def remove_rule(desk: Desk, actor: Actor, alerts: Alerts, rule_id: str) -> str:
    """Remove a rule; what fires by it ends without a word."""

    def change() -> str:
        rule = next((one for one in desk.connection.call(alerts.rules()) if one.id == rule_id), None)
        desk.connection.call(alerts.remove("rules", rule_id))
        return f"{sentence_of(rule)} ({rule.id})" if rule else "it was gone already"

    return perform_account(desk, actor, "remove alert", change, permission=Permission.ALERT)


def silence(
    desk: Desk, actor: Actor, alerts: Alerts, rule_id: str, queues: str, *, length_ms: int, why: str = ""
) -> Made:
    """Let nothing be told for a time: of one rule or all, for the queues of one name or glob."""
    made, words = new_id(), " ".join(why.split())

    def change() -> str:
        _may_silence(actor.identity, queues)
        if not 60_000 <= length_ms <= LONGEST_SILENCE_MS:
            raise BadRequestError(sentence("A silence lasts a minute at least and 31 days at most."))
        if not queues or len(queues) > 200 or not queues.isprintable() or len(why) > 500:
            raise BadRequestError(
                sentence("A silence is for one name or glob of queues, and its reason has 500 characters.")
            )
        rule = next((one for one in desk.connection.call(alerts.rules()) if one.id == rule_id), None)
        if rule_id and rule is None:
            raise BadRequestError(sentence("There is no such rule any more. Nothing was silenced."))
        now_ms, who = desk.clock(), actor.identity.name
        one = Silence(made, rule_id, queues, now_ms + length_ms, who, words, now_ms)
        if not desk.connection.call(alerts.put_silence(one)):
            raise BadRequestError(sentence("There are %(most)s silences already: end one first.", most=MOST_SILENCES))
        about = title_of(rule) if rule else "all rules"
        return f"{about} for {queues}, {duration(length_ms)}"

    asking = replace(actor, reason=words)
    return Made(made, perform_account(desk, asking, "silence alerts", change, permission=Permission.SILENCE))


def end_silence(desk: Desk, actor: Actor, alerts: Alerts, silence_id: str) -> str:
    """Let messages go out again."""

    def change() -> str:
        one = next((one for one in desk.connection.call(alerts.silences()) if one.id == silence_id), None)
        if one is None:
            return "it was over already"
        _may_silence(actor.identity, one.queues)
        desk.connection.call(alerts.remove("silences", silence_id))
        return f"of {one.by} for {one.queues}"

    return perform_account(desk, actor, "end silence", change, permission=Permission.SILENCE)


def make_channel(desk: Desk, actor: Actor, alerts: Alerts, channel: Channel) -> Made:
    """Keep a new channel. A webhook without a secret gets one, which is told once."""
    made: list[tuple[str, str]] = []

    def change() -> str:
        secret = channel.secret or (new_secret() if channel.kind == "webhook" else "")
        wanted = replace(channel, id=new_id(), secret=secret, made_by=actor.identity.name, made_ms=desk.clock())
        kept = checked_channel(wanted)
        known = desk.connection.call(alerts.channels())
        if any(one.name.casefold() == kept.name.casefold() for one in known):
            raise BadRequestError(sentence("There is already a channel %(name)s.", name=kept.name))
        if not desk.connection.call(alerts.put_channel(kept)):
            raise BadRequestError(
                sentence("There are %(most)s channels already: remove one first.", most=MOST_CHANNELS)
            )
        made.append((kept.id, "" if channel.secret else kept.secret))
        return f"{kept.name}: {kept.kind} to {place_of(kept)}"

    problem = perform_account(desk, actor, "make channel", change, permission=Permission.ALERT)
    return Made(made[0][0], problem, made[0][1])


def remove_channel(desk: Desk, actor: Actor, alerts: Alerts, channel_id: str) -> str:
    """Remove a channel; rules that named it tell the others."""

    def change() -> str:
        one = _channel(desk, alerts, channel_id)
        desk.connection.call(alerts.remove("channels", channel_id))
        return one.name if one else "it was gone already"

    return perform_account(desk, actor, "remove channel", change, permission=Permission.ALERT)


def test_channel(desk: Desk, actor: Actor, alerts: Alerts, courier: Sends, channel_id: str, *, connection: str) -> str:
    """Send a message at once that says it is a test.

    Raises:
        OutboundError: it did not arrive, and why.
    """

    def change() -> str:
        channel = _channel(desk, alerts, channel_id)
        if channel is None:
            raise BadRequestError(sentence("There is no such channel any more. Nothing was sent."))
        told = f"{actor.identity.name} asked for this message, to see whether it arrives"
        message = Message(
            id=f"test-{new_id()}",
            channel=channel.id,
            what="test",
            rule="",
            title="A test message of Queue Board",
            sentence=told,
            severity="info",
            connection=connection,
            at_ms=desk.clock(),
        )
        courier.send(channel, message)
        return f"{channel.name}, which took it"

    return perform_account(desk, actor, "test channel", change, permission=Permission.ALERT)


def _channel(desk: Desk, alerts: Alerts, channel_id: str) -> Channel | None:
    return next((one for one in desk.connection.call(alerts.channels()) if one.id == channel_id), None)


def _may_silence(who: Identity, queues: str) -> None:
    """Insist that somebody may silence all queues of a glob: all there are, or the one that it names.

    Raises:
        ForbiddenError: they may not.
    """
    is_one = not _WILD & set(queues)
    if everywhere(who, Permission.SILENCE) or (is_one and can(who, Permission.SILENCE, queues)):
        return
    needed = smallest_role(Permission.SILENCE).value
    raise ForbiddenError("silence", role=str(who.role), needed=needed)
