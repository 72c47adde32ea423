"""Remove a job with all that hangs below it.

A tree of up to ``MOST_AT_ONCE`` jobs goes in one script, unless they may wait in very long lists. A larger one would
make the server stand still, so it goes in steps, the top first: a parent that is gone waits for nobody, so no job of
the tree is released on the way, and whoever looks sees whole jobs or none. What a worker takes meanwhile is left to it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import astuple
from typing import Any, TypedDict, TypeVar, Unpack

from board.engine.calls import Batch, Call, Plan
from board.engine.codec import text
from board.engine.commands.flows import get_child_counts
from board.engine.commands.jobs import MOST_AT_ONCE, TOO_MANY_BELOW, remove_job
from board.engine.commands.script_call import script_call
from board.engine.errors import EngineError, JobError, JobLockedError, SchedulerJobError, ScriptError, TreeTooLargeError
from board.engine.keys import QueueKeys, child_place
from board.engine.types import JobState

__all__ = ["Guard", "remove_pending_children", "remove_tree", "remove_trees", "removed_together"]

STEP = 100
"""Jobs looked at in one round trip."""

REMOVED = 25
"""Most jobs removed in one round trip."""

PASSED = 50_000
"""Ids of lists that the removals of one round trip may pass, or one alone: some two milliseconds."""

PAGE = 1_000
"""Children of one kind read at once."""

T = TypeVar("T")
Node = tuple[QueueKeys, str]

_OF_ONE = (JobError, ScriptError)
_STAYS = (JobLockedError, SchedulerJobError)


class Guard(TypedDict, total=False):
    """How a job was seen that is to be removed only as it was seen; see ``remove_job``."""

    state: JobState | None
    seen: str
    born: str


def remove_tree(
    queue: QueueKeys,
    job_id: str,
    *,
    remove_children: bool = True,
    most_below: int | None = None,
    **guard: Unpack[Guard],
) -> Plan[None]:
    """Remove a job and, unless told otherwise, everything below it. A job that is gone already is no error.

    Raises:
        JobNotInStateError: it is not as it was seen any more; nothing was done.
        JobLockedError: a worker holds it or one of its pending children; nothing was done.
        TreeTooLargeError: more than ``most_below`` jobs hang below it; nothing was done.
        SchedulerJobError: it is the next run of a job scheduler; nothing was done.
    """
    try:
        yield from remove_job(queue, job_id, remove_children=remove_children, **guard)
    except TreeTooLargeError:
        if most_below is not None and sum(astuple((yield from get_child_counts(queue, job_id)))) > most_below:
            raise
        below = yield from _below([(queue, job_id)], pending_only=False, most=most_below)
        yield from remove_job(queue, job_id, remove_children=False, **guard)
        yield from _remove_each(below)


def remove_trees(
    queue: QueueKeys, jobs: Sequence[tuple[str, Guard]], *, most_below: int | None = None
) -> Plan[list[EngineError | None]]:
    """Remove jobs with everything below each, some in a round trip, those with many below one by one.

    Returns for each the error that kept it, of ``remove_tree`` or of damaged keys, or None. Others are raised: they
    concern all.
    """
    outcomes: list[EngineError | None] = []
    for some in _portions(jobs, (yield from removed_together((queue,)))):
        replies: list[Any] = yield from Batch.of(
            (remove_job(queue, job_id, **guard) for job_id, guard in some), keep_errors=True
        )
        for (job_id, guard), reply in zip(some, replies, strict=True):
            outcome = reply
            if isinstance(reply, TreeTooLargeError):
                outcome = None
                try:
                    yield from remove_tree(queue, job_id, most_below=most_below, **guard)
                except _OF_ONE as error:
                    outcome = error
            if isinstance(outcome, EngineError) and not isinstance(outcome, _OF_ONE):
                raise outcome
            outcomes.append(outcome)
    return outcomes


def removed_together(queues: Collection[QueueKeys]) -> Plan[int]:
    """Find out how many jobs of these queues to remove in one round trip: each may have to be looked for in a line."""
    lengths: list[int] = yield from Batch.of(
        Call(("LLEN", queue.key(line)), int, writes=False) for queue in queues for line in ("wait", "paused")
    )
    return max(1, min(REMOVED, PASSED // max(1, *lengths)))


def remove_pending_children(queue: QueueKeys, job_id: str) -> Plan[None]:
    """Remove the children of a job that have not ended and that no worker holds, with what is pending below them."""
    code = yield from script_call("remove_pending_children", (queue.base,), (job_id, MOST_AT_ONCE), int)
    if code == TOO_MANY_BELOW:
        below = yield from _below([(queue, job_id)], pending_only=True)
        yield from _remove_each(below)


def _below(roots: Sequence[Node], *, pending_only: bool, most: int | None = None) -> Plan[list[Node]]:
    """Walk down level by level and return every job met, parents before their children, each once.

    Raises:
        TreeTooLargeError: there are more than ``most``.
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
        if most is not None and len(met) - len(roots) > most:
            queue, job_id = roots[0]
            raise TreeTooLargeError(
                f"more than {most} jobs hang below job {job_id} of queue {queue.name}", queue=queue.name, job_id=job_id
            )
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
    """Remove jobs one by one, some in a round trip. One that a worker took, or a scheduler's next run, stays."""
    if not nodes:
        return
    queues = dict.fromkeys(queue for queue, _ in nodes)
    for some in _portions(nodes, (yield from removed_together(queues))):
        replies: list[Any] = yield from Batch.of(
            (remove_job(queue, job_id, remove_children=False) for queue, job_id in some), keep_errors=True
        )
        for reply in replies:
            if isinstance(reply, EngineError) and not isinstance(reply, _STAYS):
                raise reply


def _portions(items: Sequence[T], step: int = STEP) -> Iterator[Sequence[T]]:
    return (items[start : start + step] for start in range(0, len(items), step))


def _page(reply: Any) -> tuple[str, list[str]]:
    return text(reply[0]), [text(item) for item in reply[1]]
