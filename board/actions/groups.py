"""Mute, resolve and open groups of failures: what a person says about a cause, while its jobs stay as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from board.actions.perform import Actor, Change, Desk, Outcome, Refusal, perform
from board.auth.policy import Permission
from board.engine.keys import QueueKeys
from board.history.groups import Groups, Status
from board.words import sentence

__all__ = ["MUTES", "GroupAsked", "GroupVerb", "change"]

GroupVerb = Literal["mute", "resolve", "open"]

MUTES = {"1h": 3_600_000, "24h": 86_400_000, "7d": 7 * 86_400_000}
"""How long a group may be muted."""

_ACTIONS: dict[Status, str] = {"open": "open failures", "muted": "mute failures", "resolved": "resolve failures"}


@dataclass(frozen=True, slots=True)
class GroupAsked:
    """What is asked of a group.

    Attributes:
        name: its fingerprint.
        words: its error and message, for the audit log.
        verb: ``mute``, ``resolve`` or ``open``.
        mute_ms: how long to mute it.
    """

    name: str
    words: str
    verb: GroupVerb
    mute_ms: int = 0


def change(
    desk: Desk, actor: Actor, groups: Groups, queue: QueueKeys, asked: GroupAsked, *, also: tuple[QueueKeys, ...] = ()
) -> Outcome:
    """Change the status of a group; whoever may retry its jobs may.

    Args:
        desk: what to work with.
        actor: who asks.
        groups: where groups are kept.
        queue: the queue with most of its failed jobs.
        asked: what to do.
        also: the other queues of the group that are shown.
    """
    status: Status = {"mute": "muted", "resolve": "resolved", "open": "open"}[asked.verb]  # type: ignore[assignment]

    def act() -> Change:
        now_ms = desk.clock()
        until_ms = now_ms + asked.mute_ms if status == "muted" else 0
        before = desk.connection.call(
            groups.change(asked.name, status, now_ms=now_ms, until_ms=until_ms, who=actor.identity.name)
        )
        if before is None:
            return Change(
                refusals=(Refusal(asked.name, sentence("is no group of failures any more; nothing was done")),)
            )
        return Change(unnamed=1, detail=f"{asked.words} ({asked.name}), {before} before")

    return perform(desk, actor, Permission.RETRY, queue, act, action=_ACTIONS[status], also=also)
