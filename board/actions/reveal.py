"""Show the secrets of one job to somebody who may see them: recorded first, and not shown when that fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from board.actions.perform import LONGEST_REASON, Actor, Desk, record, refuse
from board.audit import Entry
from board.auth.policy import Permission, demand
from board.engine.keys import QueueKeys
from board.errors import BadRequestError, ForbiddenError
from board.redaction import revealed
from board.words import sentence

__all__ = ["reveal"]

T = TypeVar("T")


def reveal(desk: Desk, actor: Actor, queue: QueueKeys, job_id: str, read: Callable[[], T]) -> T:
    """Return what ``read`` returns with nothing hidden.

    Also on a board for looking only, for it changes nothing.

    Raises:
        ForbiddenError: the role may not; recorded.
        BadRequestError: the audit log takes no entry now.
    """
    try:
        for needed in (Permission.DATA, Permission.REVEAL):
            demand(actor.identity, needed, queue.name)
    except ForbiddenError as refusal:
        refuse(desk, actor, "reveal", refusal, queue)
        raise
    read()  # a job that is not there has nothing to record
    problem = record(
        desk,
        Entry(
            at_ms=desk.clock(),
            who=actor.identity.name,
            role=str(actor.identity.role),
            address=actor.address,
            action="reveal",
            result="done",
            prefix=queue.prefix,
            queue=queue.name,
            ids=(job_id,),
            count=1,
            done=1,
            reason=actor.reason[:LONGEST_REASON],
            request_id=actor.request_id,
        ),
    )
    if problem:
        raise BadRequestError(sentence("The audit log takes no entry now, so the hidden values stay hidden."))
    with revealed():
        return read()
