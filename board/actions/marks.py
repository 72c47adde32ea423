"""A line at a moment of the charts, such as a deploy: what a person or a pipeline says has happened."""

from __future__ import annotations

from board.actions.accounts import perform_account
from board.actions.perform import Actor, Change, Desk, perform
from board.auth.policy import Permission
from board.engine.keys import QueueKeys
from board.errors import BadRequestError
from board.history.store import History, Mark
from board.namespace import Namespace

__all__ = ["LONGEST", "say"]

LONGEST = 100
"""Characters of a mark."""


def say(desk: Desk, actor: Actor, namespace: Namespace, text: str, queue: QueueKeys | None = None) -> str:
    """Put a mark on the charts, now: of one queue, or of all.

    Returns:
        Why the audit log has no entry of it; empty when it has.

    Raises:
        BadRequestError: it says nothing, or too much.
        ForbiddenError: the role may not pause a queue, and so not say what happened to it either.
        ReadOnlyBoardError: this board only looks.
    """
    words = " ".join(text.split())

    def put() -> str:
        if not 0 < len(words) <= LONGEST:
            raise BadRequestError(f"A mark has 1 to {LONGEST} characters, not {len(words)}.")
        base = queue.base if queue else ""
        desk.connection.batch(History(namespace).say(Mark(desk.clock(), "said", base, words)))
        return words

    if queue is None:
        return perform_account(desk, actor, "mark", put, permission=Permission.PAUSE)
    done = perform(desk, actor, Permission.PAUSE, queue, lambda: Change(detail=put()), action="mark")
    return done.audit_problem
