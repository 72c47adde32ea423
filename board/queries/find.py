"""The palette: a job by its exact id in any queue, queues by name, in one round trip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from board.engine.calls import Call
from board.engine.errors import EngineError
from board.engine.keys import QueueKeys
from board.queries.shared import Known, QueueName, Reads, queue_name, together

__all__ = ["MOST_ASKED", "FindPage", "FoundJob", "read_find"]

MOST_ASKED = 2_000
"""Queues asked for a job of that id: 2,000 reads of one field, some ten milliseconds of the server's time."""

MOST_SHOWN = 12
LONGEST = 200


@dataclass(frozen=True, slots=True)
class FoundJob:
    """A job of exactly that id."""

    queue: QueueName
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class FindPage:
    """What was found.

    Attributes:
        q: what was looked for.
        jobs: those of exactly that id.
        queues: those with that text in their names, exact and shortest first.
        more_queues: how many more there are.
        asked: queues asked for the job.
        queue_count: queues there are.
        here: the queue of the page that the palette was opened on.
        is_paused: whether it is paused.
    """

    q: str
    jobs: tuple[FoundJob, ...]
    queues: tuple[QueueName, ...]
    more_queues: int
    asked: int
    queue_count: int
    here: QueueName | None
    is_paused: bool


def read_find(
    connection: Reads, known: Known, queues: Sequence[QueueKeys], *, q: str, here: QueueKeys | None = None
) -> FindPage:
    """Look for ``q`` among ``queues``, those that the person who asks may see, in one round trip.

    Args:
        connection: to Redis.
        known: spells queues.
        queues: where to look.
        q: an id of a job, or part of a queue's name.
        here: the queue that actions are offered for.
    """
    q = q.strip()[:LONGEST]
    asked = list(queues[:MOST_ASKED]) if q else []
    calls: list[Call[Any]] = [
        Call(("HMGET", queue.job(q), "timestamp", "name"), _fields, writes=False) for queue in asked
    ]
    if here is not None:
        calls.append(Call(("HEXISTS", here.key("meta"), "paused"), bool, writes=False))
    replies = connection.batch(together(calls)) if calls else []
    jobs = [
        FoundJob(queue_name(queue, known), q, reply[1] or "")
        for queue, reply in zip(asked, replies[: len(asked)], strict=True)
        if not isinstance(reply, EngineError) and reply[0] is not None
    ]
    folded = q.casefold()
    named = sorted(
        (queue for queue in queues if folded in queue.name.casefold()),
        key=lambda queue: (queue.name.casefold() != folded, len(queue.name), queue.name),
    )
    return FindPage(
        q=q,
        jobs=tuple(jobs[:MOST_SHOWN]),
        queues=tuple(queue_name(queue, known) for queue in named[:MOST_SHOWN]),
        more_queues=max(0, len(named) - MOST_SHOWN),
        asked=len(asked),
        queue_count=len(queues),
        here=None if here is None else queue_name(here, known),
        is_paused=here is not None and replies[-1] is True,
    )


def _fields(reply: Any) -> tuple[str | None, ...]:
    return tuple(
        one.decode("utf-8", "replace") if isinstance(one, bytes) else None if one is None else str(one) for one in reply
    )
