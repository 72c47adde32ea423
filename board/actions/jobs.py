"""Retry, promote and remove jobs, one or a selection of a queue.

Each looks where the jobs are, acts on those it can, and says of the others why not. Between the look and the act a job
may move: the engine's script then refuses, and the job is reported as it is by then. So every action takes two round
trips, three when something moved, whatever the number of jobs; a removal takes more, the longer the line the more, for
others are served in between.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from board.actions.perform import Actor, Change, Desk, Outcome, Refusal, perform, reaches
from board.auth.policy import Permission, everywhere
from board.engine.calls import Batch, Call
from board.engine.commands.jobs import get_state, promote_job, remove_job, retry_job
from board.engine.commands.pages import FlowNodeReading, FlowReading, queue_of, read_flow
from board.engine.commands.trees import remove_trees
from board.engine.connection.sync import Connection
from board.engine.errors import (
    JobLockedError,
    JobNotFoundError,
    JobNotInStateError,
    SchedulerJobError,
    TreeTooLargeError,
)
from board.engine.keys import QueueKeys
from board.engine.types import FINISHED_STATES, JobState
from board.words import Count, sentence

__all__ = [
    "ACTIONS",
    "BEYOND",
    "MOST_BELOW",
    "change_each",
    "explain",
    "promote",
    "remove",
    "retry",
    "states",
    "trees_beyond",
]

MOST_BELOW = 1_000
"""Jobs below one that may be removed with it: in steps, which last a second or two beside a very long waiting list."""

BEYOND = sentence("has jobs below it in queues that you may not remove from, or too many to tell; nothing was done")
GONE = sentence("is not in Redis any more; nothing was done")


def retry(desk: Desk, actor: Actor, queue: QueueKeys, ids: Sequence[str]) -> Outcome:
    """Make failed and completed jobs runnable again."""

    def plan(job_id: str, state: JobState) -> Call[None] | str:
        if state in FINISHED_STATES:
            return retry_job(queue, job_id, state)
        return sentence("is %(state)s; only failed or completed jobs can be retried", state=sentence(state.value))

    return perform(
        desk, actor, Permission.RETRY, queue, lambda: change_each(desk.connection, queue, ids, plan), ids=ids
    )


def promote(desk: Desk, actor: Actor, queue: QueueKeys, ids: Sequence[str]) -> Outcome:
    """Make delayed jobs runnable now."""

    def plan(job_id: str, state: JobState) -> Call[None] | str:
        if state is JobState.DELAYED:
            return promote_job(queue, job_id)
        return sentence("is %(state)s; only delayed jobs can be promoted", state=sentence(state.value))

    return perform(
        desk, actor, Permission.PROMOTE, queue, lambda: change_each(desk.connection, queue, ids, plan), ids=ids
    )


def remove(desk: Desk, actor: Actor, queue: QueueKeys, ids: Sequence[str]) -> Outcome:
    """Remove jobs and everything below them, but none that a worker holds."""

    def plan(job_id: str, state: JobState) -> Call[None] | str:
        if state is JobState.ACTIVE:
            return sentence("is active: a worker holds it; nothing was done")
        return remove_job(queue, job_id)

    def carry_out(calls: Mapping[str, Call[None]]) -> list[Any]:
        return [*desk.connection.run(remove_trees(queue, [(one, {}) for one in calls], most_below=MOST_BELOW))]

    def change() -> Change:
        beyond = trees_beyond(desk, actor, queue, ids)
        done = change_each(desk.connection, queue, [one for one in ids if one not in beyond], plan, carry_out)
        refusals = (*done.refusals, *(Refusal(one, BEYOND) for one in dict.fromkeys(ids) if one in beyond))
        return replace(done, refusals=refusals)

    return perform(desk, actor, Permission.REMOVE, queue, change, ids=ids)


def trees_beyond(desk: Desk, actor: Actor, queue: QueueKeys, ids: Sequence[str]) -> frozenset[str]:
    """Return the jobs below which there are others, or may be, in queues that this person may not remove from.

    Removing a job removes its tree. Who may remove everywhere, on a board that shows every queue, need not ask.
    """
    if desk.shows_all and everywhere(actor.identity, Permission.REMOVE):
        return frozenset()
    unique = tuple(dict.fromkeys(ids))
    found = desk.connection.batch(Batch.of([read_flow(queue, job_id) for job_id in unique])) if unique else []
    beyond = set()
    for job_id, tree in zip(unique, found, strict=True):
        below = list(_below(tree, queue.job(job_id)))
        if not below or any(
            _unseen(node) or not reaches(desk, actor, Permission.REMOVE, queue_of(node.base)) for node in below
        ):
            beyond.add(job_id)
    return frozenset(beyond)


def _below(tree: FlowReading, key: str) -> Iterator[FlowNodeReading]:
    """Yield a job and all below it, of a tree that may begin above it."""
    inside: set[int] = set()
    for at, node in enumerate(tree.nodes):
        if node.key == key or node.parent in inside:
            inside.add(at)
            yield node


def _unseen(node: FlowNodeReading) -> bool:
    counts = node.counts
    return counts.processed + counts.unprocessed + counts.ignored + counts.failed > node.shown


ACTIONS: Mapping[str, Callable[[Desk, Actor, QueueKeys, Sequence[str]], Outcome]] = {
    "retry": retry,
    "promote": promote,
    "remove": remove,
}
"""By the verb that forms send."""


def states(connection: Connection, queue: QueueKeys, ids: Sequence[str]) -> dict[str, JobState]:
    """Return where each job is now, in one round trip."""
    unique = tuple(dict.fromkeys(ids))
    if not unique:
        return {}
    found = connection.batch(Batch.of(get_state(queue, job_id) for job_id in unique))
    return dict(zip(unique, found, strict=True))


def change_each(
    connection: Connection,
    queue: QueueKeys,
    ids: Sequence[str],
    plan: Callable[[str, JobState], Call[None] | str],
    carry_out: Callable[[Mapping[str, Call[None]]], list[Any]] | None = None,
) -> Change:
    """Look, act on what can be acted on, and explain the rest."""

    def together(calls: Mapping[str, Call[None]]) -> list[Any]:
        return connection.batch(Batch.of(calls.values(), keep_errors=True))

    calls: dict[str, Call[None]] = {}
    reasons: dict[str, str] = {}
    found = states(connection, queue, ids)
    for job_id, state in found.items():
        step = GONE if state is JobState.UNKNOWN else plan(job_id, state)
        if isinstance(step, str):
            reasons[job_id] = step
        else:
            calls[job_id] = step
    replies = (carry_out or together)(calls) if calls else []
    moved: list[str] = []
    for job_id, reply in zip(calls, replies, strict=True):
        if isinstance(reply, JobNotInStateError):
            moved.append(job_id)
        elif isinstance(reply, Exception):
            reasons[job_id] = explain(reply)
    for job_id, state in states(connection, queue, moved).items():
        reasons[job_id] = (
            GONE
            if state is JobState.UNKNOWN
            else sentence("changed state meanwhile: it is now %(state)s; nothing was done", state=sentence(state.value))
        )
    unique = dict.fromkeys(ids)
    return Change(
        done=tuple(job_id for job_id in unique if job_id not in reasons),
        refusals=tuple(Refusal(job_id, reasons[job_id]) for job_id in unique if job_id in reasons),
        before=_summary(Counter(state for job_id, state in found.items() if job_id not in reasons)),
    )


def _summary(found: Mapping[JobState, int]) -> str:
    return ", ".join(f"{count} {state.value}" for state, count in found.items())


def explain(error: Exception) -> str:
    """Say in words why the engine left a job alone. Trouble with Redis itself concerns the whole action."""
    if isinstance(error, JobNotFoundError):
        return GONE
    if isinstance(error, JobLockedError):
        return sentence("is held by a worker, or one of its children is; nothing was done")
    if isinstance(error, SchedulerJobError):
        return sentence("is the next run of a job scheduler; remove the scheduler instead")
    if isinstance(error, TreeTooLargeError):
        return sentence(
            "has more than %(most)s jobs below it, too many to remove at once; nothing was done", most=Count(MOST_BELOW)
        )
    raise error
