"""Let a parent go on without a child that failed."""

from __future__ import annotations

from board.actions.jobs import GONE
from board.actions.perform import Actor, Change, Desk, Outcome, Refusal, perform, reaches
from board.auth.policy import Permission
from board.engine.commands.flows import Ignored, ignore_failed_child
from board.engine.commands.pages import FlowNodeReading, FlowReading, queue_of, read_flow
from board.engine.errors import JobError
from board.engine.keys import QueueKeys
from board.words import sentence

__all__ = ["ignore_failure"]

DONE = {
    Ignored.WAITS: sentence("its parent waits for the other children"),
    Ignored.RUNS: sentence("its parent is in line to run"),
    Ignored.STAYS: sentence("its parent stays where it is"),
    Ignored.FAILS: sentence("another child still fails its parent"),
}

REFUSED = {
    -1: GONE,
    -3: sentence("has not failed, or has another parent by now; nothing was done"),
    -5: sentence("has a parent that is gone; nothing was done"),
    -21: sentence("is not waited for by its parent; nothing was done"),
    -22: sentence("has a parent that has ended; nothing was done"),
    -23: sentence("has a parent that a worker holds and is about to fail; nothing was done"),
}
"""By the code of the engine's script."""

NO_PARENT = sentence("has no parent in Redis; nothing was done")
BEYOND = sentence("has a parent in a queue that you may not change; nothing was done")


def ignore_failure(desk: Desk, actor: Actor, queue: QueueKeys, job_id: str) -> Outcome:
    """Let the parent of a failed job go on without it; ``change.detail`` says what the parent does then.

    It makes a job runnable that was held back, as promoting does, and needs that permission, in the queues of all
    parents that are moved too.
    """

    def refused(why: str) -> Change:
        return Change(refusals=(Refusal(job_id, why),))

    def change() -> Change:
        way = _way(desk.connection.call(read_flow(queue, job_id, depth=0)), queue.job(job_id))
        if not way:
            return refused(NO_PARENT)
        if not all(reaches(desk, actor, Permission.PROMOTE, queue_of(node.base)) for node in way):
            return refused(BEYOND)
        try:
            done = desk.connection.call(ignore_failed_child(queue, job_id, way[0].key, desk.clock()))
        except JobError as error:
            if error.code not in REFUSED:
                raise
            return refused(REFUSED[error.code])
        return Change(done=(job_id,), detail=DONE[done], before=f"parent {way[0].id}: {way[0].state}")

    return perform(desk, actor, Permission.PROMOTE, queue, change, ids=(job_id,), action="ignore failure")


def _way(reading: FlowReading, key: str) -> list[FlowNodeReading]:
    """Return the parent of a job, and those above that failed with it and would wait again, nearest first."""
    at = next((at for at, node in enumerate(reading.nodes) if node.key == key), 0)
    node, way = reading.nodes[at], list[FlowNodeReading]()
    while node.parent is not None and (not way or (node.state == "failed" and node.kind == "failed")):
        node = reading.nodes[node.parent]
        way.append(node)
    return way
