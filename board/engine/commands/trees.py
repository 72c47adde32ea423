"""Remove a job with all that hangs below it.

A tree of up to ``MOST_AT_ONCE`` jobs goes in one script. A larger one would make the server stand still, so it goes in
steps, the top first: a parent that is gone waits for nobody, so no job of the tree is released on the way, and whoever
looks sees whole jobs or none. What a worker takes meanwhile is left to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from board.engine.calls import Batch, Call, Plan
from board.engine.codec import text
from board.engine.commands.jobs import MOST_AT_ONCE, TOO_MANY_BELOW, remove_job
from board.engine.commands.script_call import script_call
from board.engine.errors import EngineError, JobLockedError, SchedulerJobError, TreeTooLargeError
from board.engine.keys import QueueKeys, child_place

__all__ = ["remove_pending_children", "remove_tree"]

STEP = 100
"""Jobs looked at or removed in one round trip."""

PAGE = 1_000
"""Children of one kind read at once."""

Node = tuple[QueueKeys, str]

_STAYS = (JobLockedError, SchedulerJobError)


def remove_tree(queue: QueueKeys, job_id: str, *, remove_children: bool = True) -> Plan[None]:
    """Remove a job and, unless told otherwise, everything below it. A job that is gone already is no error.

    Raises:
        JobLockedError: a worker holds it or one of its pending children; nothing was done.
        SchedulerJobError: it is the next run of a job scheduler; nothing was done.
    """
    try:
        yield from remove_job(queue, job_id, remove_children=remove_children)
    except TreeTooLargeError:
        below = yield from _below([(queue, job_id)], pending_only=False)
        yield from remove_job(queue, job_id, remove_children=False)
        yield from _remove_each(below)


def remove_pending_children(queue: QueueKeys, job_id: str) -> Plan[None]:
    """Remove the children of a job that have not ended and that no worker holds, with what is pending below them."""
    code = yield from script_call("remove_pending_children", (queue.base,), (job_id, MOST_AT_ONCE), int)
    if code == TOO_MANY_BELOW:
        below = yield from _below([(queue, job_id)], pending_only=True)
        yield from _remove_each(below)


def _below(roots: Sequence[Node], *, pending_only: bool) -> Plan[list[Node]]:
    """Walk down level by level and return every job met, parents before their children, each once.

    Raises:
        JobLockedError: a worker holds one of them, unless ``pending_only`` leaves those out with all below them.
    """
    met, found, level = {queue.job(job_id) for queue, job_id in roots}, list[Node](), list(roots)
    while level:
        below: list[Node] = []
        for some in _portions(level):
            for parent, keys in (yield from _children(some, pending_only=pending_only)):
                for key in keys:
                    place = child_place(parent, key)
                    if place is not None and key not in met:
                        met.add(key)
                        below.append(place)
        level = yield from _unlocked(below, pending_only=pending_only)
        found += level
    return found


def _children(nodes: Sequence[Node], *, pending_only: bool) -> Plan[list[tuple[QueueKeys, list[str]]]]:
    """Read all children of some jobs, page by page, one round trip for a page of each."""
    commands = ["SSCAN"] if pending_only else ["SSCAN", "HSCAN", "HSCAN", "ZSCAN"]
    suffixes = ("dependencies", "processed", "failed", "unsuccessful")
    children: list[tuple[QueueKeys, list[str]]] = [(queue, []) for queue, _ in nodes]
    asked = [
        (index, command, f"{queue.job(job_id)}:{suffix}", "0")
        for index, (queue, job_id) in enumerate(nodes)
        for command, suffix in zip(commands, suffixes, strict=False)
    ]
    while asked:
        pages: list[tuple[str, list[str]]] = yield from Batch.of(
            Call((command, key, cursor, "COUNT", PAGE), _page, writes=False) for _, command, key, cursor in asked
        )
        more = []
        for (index, command, key, _), (cursor, items) in zip(asked, pages, strict=True):
            children[index][1].extend(items if command == "SSCAN" else items[::2])
            if cursor != "0":
                more.append((index, command, key, cursor))
        asked = more
    return children


def _unlocked(nodes: Sequence[Node], *, pending_only: bool) -> Plan[list[Node]]:
    """Return the jobs that no worker holds and, with ``pending_only``, that have not failed for good."""
    free: list[Node] = []
    for some in _portions(nodes):
        held: list[bool] = yield from Batch.of(
            Call(("EXISTS", f"{queue.job(job_id)}:lock"), bool, writes=False) for queue, job_id in some
        )
        ended: list[Any] = [None] * len(some)
        if pending_only:
            ended = yield from Batch.of(
                Call(("ZSCORE", f"{queue.base}failed", job_id), lambda score: score, writes=False)
                for queue, job_id in some
            )
        for (queue, job_id), is_held, has_ended in zip(some, held, ended, strict=True):
            if is_held and not pending_only:
                raise JobLockedError(
                    f"job {job_id} of queue {queue.name} is held by a worker", queue=queue.name, job_id=job_id
                )
            if not is_held and has_ended is None:
                free.append((queue, job_id))
    return free


def _remove_each(nodes: Sequence[Node]) -> Plan[None]:
    """Remove jobs one by one, many in a round trip. One that a worker took, or a scheduler's next run, stays."""
    for some in _portions(nodes):
        replies: list[Any] = yield from Batch.of(
            (remove_job(queue, job_id, remove_children=False) for queue, job_id in some), keep_errors=True
        )
        for reply in replies:
            if isinstance(reply, EngineError) and not isinstance(reply, _STAYS):
                raise reply


def _portions(nodes: Sequence[Node]) -> Iterator[Sequence[Node]]:
    return (nodes[start : start + STEP] for start in range(0, len(nodes), STEP))


def _page(reply: Any) -> tuple[str, list[str]]:
    return text(reply[0]), [text(item) for item in reply[1]]
