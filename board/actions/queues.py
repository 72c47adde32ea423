"""Pause and resume a queue."""

from __future__ import annotations

from board.actions.perform import Actor, Change, Desk, Outcome, perform
from board.auth.policy import Permission
from board.engine.commands import queues
from board.engine.keys import QueueKeys

__all__ = ["pause", "resume"]


def pause(desk: Desk, actor: Actor, queue: QueueKeys) -> Outcome:
    """Let workers take no more jobs; those that run go on. Pausing twice is no error."""

    def change() -> Change:
        desk.connection.run(queues.pause(queue))
        return Change()

    return perform(desk, actor, Permission.PAUSE, queue, change, action="pause")


def resume(desk: Desk, actor: Actor, queue: QueueKeys) -> Outcome:
    """Let workers take jobs again. Resuming a queue that runs is no error."""

    def change() -> Change:
        desk.connection.run(queues.resume(queue))
        return Change()

    return perform(desk, actor, Permission.PAUSE, queue, change, action="resume")
