"""A line at a moment of the charts, such as a deploy: what a person or a pipeline says has happened."""

from __future__ import annotations

from board.actions.perform import Actor, Desk, record
from board.audit import Entry
from board.auth.policy import Permission, demand
from board.engine.keys import QueueKeys
from board.errors import BadRequestError, ReadOnlyBoardError
from board.history.store import History, Mark
from board.namespace import Namespace

__all__ = ["LONGEST", "say"]

LONGEST = 100
"""Characters of a mark."""


def say(desk: Desk, actor: Actor, namespace: Namespace, text: str, queue: QueueKeys | None = None) -> None:
    """Put a mark on the charts, now: of one queue, or of all.

    Raises:
        BadRequestError: it says nothing, or too much.
        ForbiddenError: the role may not pause a queue, and so not say what happened to it either.
        ReadOnlyBoardError: this board only looks.
    """
    words = " ".join(text.split())
    if not 0 < len(words) <= LONGEST:
        raise BadRequestError(f"A mark has 1 to {LONGEST} characters, not {len(words)}.")
    demand(actor.identity, Permission.PAUSE, queue.name if queue else None)
    if desk.is_read_only:
        raise ReadOnlyBoardError
    now_ms = desk.clock()
    base = queue.base if queue else ""
    desk.connection.batch(History(namespace).say(Mark(now_ms, "said", base, words)))
    record(
        desk,
        Entry(
            at_ms=now_ms,
            who=actor.identity.name,
            role=str(actor.identity.role),
            address=actor.address,
            action="mark",
            result="done",
            prefix=queue.prefix if queue else "",
            queue=queue.name if queue else "",
            detail=words,
            request_id=actor.request_id,
        ),
    )
