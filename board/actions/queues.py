"""Pause and resume a queue; act on all its jobs of one state, in bounded steps."""

from __future__ import annotations

import contextlib

from board.actions.perform import Actor, Change, Desk, Outcome, perform
from board.auth.policy import Permission
from board.engine.commands import queues
from board.engine.errors import StoreError
from board.engine.keys import QueueKeys
from board.engine.types import JobState

__all__ = ["clean", "pause", "promote_all", "resume", "retry_all"]


def pause(desk: Desk, actor: Actor, queue: QueueKeys) -> Outcome:
    """Let workers take no more jobs; those that run go on. Pausing twice is no error."""

    def change() -> Change:
        was = desk.connection.call(queues.get_meta(queue)).paused
        desk.connection.run(queues.pause(queue))
        if not was:
            _note(desk, queue, actor.identity.name)
        return Change(before="paused" if was else "running", after="paused")

    return perform(desk, actor, Permission.PAUSE, queue, change, action="pause")


def resume(desk: Desk, actor: Actor, queue: QueueKeys) -> Outcome:
    """Let workers take jobs again. Resuming a queue that runs is no error."""

    def change() -> Change:
        was = desk.connection.call(queues.get_meta(queue)).paused
        desk.connection.run(queues.resume(queue))
        _note(desk, queue, "")
        return Change(before="paused" if was else "running", after="running")

    return perform(desk, actor, Permission.PAUSE, queue, change, action="resume")


def _note(desk: Desk, queue: QueueKeys, who: str) -> None:
    """Keep who paused the queue. What was done stands, whether or not that can be kept."""
    with contextlib.suppress(StoreError):
        desk.connection.call(desk.audit.note_pause(queue.base, who))


def retry_all(desk: Desk, actor: Actor, queue: QueueKeys, state: JobState = JobState.FAILED) -> Outcome:
    """Make all jobs runnable again that ended in ``state`` before now."""

    def change() -> Change:
        return Change(unnamed=desk.connection.run(queues.retry_jobs(queue, state=state, before_ms=desk.clock())))

    return perform(desk, actor, Permission.RETRY, queue, change, action="retry all")


def promote_all(desk: Desk, actor: Actor, queue: QueueKeys) -> Outcome:
    """Make all delayed jobs runnable now."""

    def change() -> Change:
        return Change(unnamed=desk.connection.run(queues.promote_jobs(queue)))

    return perform(desk, actor, Permission.PROMOTE, queue, change, action="promote all")


def clean(desk: Desk, actor: Actor, queue: QueueKeys, state: JobState, *, grace_ms: int, limit: int = 0) -> Outcome:
    """Remove jobs of one state that are older than ``grace_ms``, oldest first, at most ``limit`` (0 for all)."""

    def change() -> Change:
        return Change(done=tuple(desk.connection.run(queues.clean(queue, grace_ms, limit, state, desk.clock()))))

    return perform(desk, actor, Permission.REMOVE, queue, change, action="clean")
