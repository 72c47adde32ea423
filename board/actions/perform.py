"""The one wrapper around every write: permission, engine, audit.

What is not allowed is refused before anything is sent to Redis, and recorded. What was done is recorded with what
really happened to each job, for a job may have moved on between the page and the click. If the audit log cannot be
written the action stands (it may be the removal that frees the memory), the person is told, and the entry goes to the
process log instead.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

from board.audit import Audit, Entry
from board.auth.policy import Identity, Permission, can, demand
from board.engine.connection.sync import Connection
from board.engine.errors import EngineError, StoreError
from board.engine.keys import QueueKeys
from board.errors import BoardError, DataRefusedError, ReadOnlyBoardError, TooManyError
from board.schemas import NO_SCHEMAS, Schemas

__all__ = [
    "LONGEST_REASON",
    "MOST_JOBS",
    "Actor",
    "Change",
    "Desk",
    "Outcome",
    "Refusal",
    "check_data",
    "perform",
    "reaches",
    "record",
    "refuse",
]

logger = logging.getLogger(__name__)

MOST_JOBS = 100
"""Jobs one action may name: one page of the largest size, some 10 ms of the server's time, and all ids fit the audit
entry. More is a bulk run, which goes in steps and can be stopped."""


LONGEST_REASON = 500
"""Characters of a reason that the log keeps."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks, and from where.

    Attributes:
        identity: name and role.
        address: of the client, as far as proxies can be trusted.
        request_id: ties the audit entry to the process log.
        reason: why, in their own words; may be empty.
    """

    identity: Identity
    address: str = ""
    request_id: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A job that nothing was done to, and why, as the rest of a sentence about it."""

    job_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Change:
    """What the engine did: the jobs it changed and those it did not.

    Attributes:
        done: ids of the jobs that were changed.
        refusals: jobs that nothing was done to.
        unnamed: how many more were changed whose ids the engine does not tell.
        detail: what else there is to say, for the audit log and the person.
        before: what there was, for the audit log.
        after: what there is now.
    """

    done: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    unnamed: int = 0
    detail: str = ""
    before: str = ""
    after: str = ""

    @property
    def count(self) -> int:
        """How many jobs were changed."""
        return len(self.done) + self.unnamed


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an action.

    Attributes:
        permission: what was done.
        queue: to which queue.
        change: what happened to each job.
        audit_problem: why the audit log has no entry of it; empty when it has.
    """

    permission: Permission
    queue: QueueKeys
    change: Change
    audit_problem: str = ""


@dataclass(frozen=True, slots=True)
class Desk:
    """What an action works with.

    Attributes:
        connection: to Redis.
        audit: the log.
        is_read_only: refuse everything.
        clock: ms since the epoch.
        is_shown: whether the settings let this board show a queue.
        shows_all: whether they let it show all of them.
        audit_connection: to the Redis that holds the log; None when it is the same.
        connection_name: what entries call this Redis; empty for the first of the board.
        schemas: what the data of jobs must be.
    """

    connection: Connection
    audit: Audit
    is_read_only: bool
    clock: Callable[[], int]
    is_shown: Callable[[QueueKeys], bool] = lambda _queue: True
    shows_all: bool = True
    audit_connection: Connection | None = None
    connection_name: str = ""
    schemas: Schemas = NO_SCHEMAS


def perform(
    desk: Desk,
    actor: Actor,
    permission: Permission,
    queue: QueueKeys,
    change: Callable[[], Change],
    *,
    ids: Sequence[str] = (),
    action: str = "",
    also: Sequence[QueueKeys] = (),
) -> Outcome:
    """Do one action, if it is allowed, and record it.

    Args:
        desk: what to work with.
        actor: who asks.
        permission: what is asked for.
        queue: the queue acted on.
        change: does it, and says what happened.
        ids: the jobs acted on; empty for an action on the queue itself.
        action: the verb of the audit entry where the permission covers more than one (pause, resume).
        also: other queues that are changed too; the permission must hold for them as well.

    Raises:
        ForbiddenError: the role does not reach.
        ReadOnlyBoardError: this board only looks.
        TooManyError: more jobs than ``MOST_JOBS``.
        StoreError: Redis is away or refused; what was done by then is unknown, and recorded as failed if that works.
    """
    started = time.monotonic()
    entry = Entry(
        at_ms=desk.clock(),
        who=actor.identity.name,
        role=str(actor.identity.role),
        address=actor.address,
        action=action or permission.value,
        result="done",
        prefix=queue.prefix,
        queue=queue.name,
        ids=tuple(ids[:MOST_JOBS]),
        count=len(ids),
        reason=actor.reason[:LONGEST_REASON],
        request_id=actor.request_id,
    )
    try:
        _check(desk, actor, permission, (queue, *also), ids)
    except BoardError as refusal:
        record(desk, replace(entry, result="refused", detail=str(refusal)))
        raise
    try:
        done = change()
    except BoardError as refusal:
        record(desk, replace(entry, result="refused", detail=refusal.recorded, duration_ms=_since(started)))
        raise
    except EngineError as trouble:
        record(desk, replace(entry, result="failed", detail=str(trouble), duration_ms=_since(started)))
        raise
    result = "done" if not done.refusals else "partly" if done.count else "nothing"
    said = (f"{refusal.job_id} {refusal.reason}" for refusal in done.refusals[:3])
    detail = "; ".join(filter(None, (done.detail, *said)))
    told = replace(entry, result=result, detail=detail, before=done.before, after=done.after, done=done.count)
    problem = record(desk, replace(told, duration_ms=_since(started)))
    return Outcome(permission, queue, done, problem)


def reaches(desk: Desk, actor: Actor, permission: Permission, queue: QueueKeys | None) -> bool:
    """Whether an action may spread to another queue, such as that of a child: shown here, and allowed there."""
    return queue is not None and desk.is_shown(queue) and can(actor.identity, permission, queue.name)


def check_data(desk: Desk, actor: Actor, queue: QueueKeys, name: str, text: str) -> None:
    """Go on only with data that the schema of their jobs allows.

    Who may not see what jobs carry is not told where theirs differ: some of that is names within the data.

    Raises:
        DataRefusedError: it does not.
    """
    if faults := desk.schemas.faults(queue.name, name, text):
        raise DataRefusedError(faults if can(actor.identity, Permission.DATA, queue.name) else ())


def refuse(desk: Desk, actor: Actor, action: str, error: BoardError, queue: QueueKeys | None = None) -> None:
    """Record an attempt that was refused before it reached an action, such as reading what the role may not read."""
    record(
        desk,
        Entry(
            at_ms=desk.clock(),
            who=actor.identity.name,
            role=str(actor.identity.role),
            address=actor.address,
            action=action,
            result="refused",
            prefix=queue.prefix if queue else "",
            queue=queue.name if queue else "",
            detail=str(error),
            request_id=actor.request_id,
        ),
    )


def record(desk: Desk, entry: Entry) -> str:
    """Add an entry to the audit log. Return why that failed, or nothing; the process log then has the entry."""
    entry = replace(entry, connection=desk.connection_name)
    try:
        (desk.audit_connection or desk.connection).call(desk.audit.append(entry))
    except StoreError as trouble:
        logger.warning("audit entry not stored", extra={"entry": asdict(entry), "trouble": str(trouble)})
        return str(trouble)
    return ""


def _check(desk: Desk, actor: Actor, permission: Permission, queues: Sequence[QueueKeys], ids: Sequence[str]) -> None:
    for queue in queues:
        demand(actor.identity, permission, queue.name)
    if desk.is_read_only:
        raise ReadOnlyBoardError
    if len(ids) > MOST_JOBS:
        raise TooManyError(len(ids), MOST_JOBS)


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
