"""Keys that nobody owns: hashes of jobs that are in no state. A sample.

They are left by programs that delete keys by hand, and stay for ever. One step of SCAN is looked at, so a check costs
the same however many keys there are; what looks lost is looked at twice, for a job may move meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from board.doctor.finding import Finding, Verdict
from board.engine.calls import Call
from board.engine.commands.jobs import get_state
from board.engine.connection.sync import Connection
from board.engine.errors import EngineError
from board.engine.keys import QueueKeys
from board.engine.types import JobState
from board.queries.shared import together
from board.words import Count, row, sentence, sentences

__all__ = ["look_for_leftovers"]

KEYS = 1_000
"""Keys of one step of SCAN."""

JOBS = 200


def look_for_leftovers(connection: Connection, queues: Sequence[QueueKeys]) -> Finding:
    """Whether jobs are left that are in no state, which nobody will ever run, show or remove."""
    if connection.is_cluster:
        return Finding("leftovers", Verdict.OK, sentence("not looked for in a cluster"))
    bases = {queue.base: queue for queue in queues}
    seen = _jobs_among(connection.call(Call(("SCAN", 0, "COUNT", KEYS), _keys, writes=False)), bases)
    for _ in range(2):
        if not seen:
            break
        calls: list[Call[Any]] = []
        for queue, job_id in seen:
            calls += [get_state(queue, job_id), Call(("HEXISTS", queue.job(job_id), "timestamp"), bool, writes=False)]
        replies = connection.batch(together(calls))
        seen = [
            one
            for one, state, is_job in zip(seen, replies[::2], replies[1::2], strict=True)
            if state is JobState.UNKNOWN and is_job and not isinstance(is_job, EngineError)
        ]
    if not seen:
        return Finding("leftovers", Verdict.OK, sentence("none among %(keys)s keys", keys=Count(KEYS)))
    named = row([sentence("%(id)s of %(queue)s", id=job_id, queue=queue.name) for queue, job_id in seen[:3]])
    return Finding(
        "leftovers",
        Verdict.WARNING,
        sentences(
            "%(n)s job in no state among %(keys)s keys: %(names)s",
            "%(n)s jobs in no state among %(keys)s keys: %(names)s",
            len(seen),
            keys=Count(KEYS),
            names=named,
        ),
        sentence("Somebody deleted keys by hand. Look at one of them, then delete its keys."),
    )


def _jobs_among(keys: Sequence[str], bases: dict[str, QueueKeys]) -> list[tuple[QueueKeys, str]]:
    """Return what may be jobs: keys right below a queue."""
    found = []
    for key in keys:
        head, _, job_id = key.rpartition(":")
        queue = bases.get(f"{head}:")
        if queue is not None and job_id:
            found.append((queue, job_id))
    return found[:JOBS]


def _keys(reply: Any) -> list[str]:
    return [one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one) for one in reply[1]]
