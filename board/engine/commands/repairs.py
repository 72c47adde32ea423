"""Commands of a person who repairs a queue, rather than of a program that uses it."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from board.engine.calls import Call
from board.engine.codec import dump_json, integer, load_json
from board.engine.commands.script_call import script_call, unless_negative
from board.engine.errors import JobLockedError, JobNotInStateError
from board.engine.keys import QueueKeys
from board.engine.options import NewJob, prepare_job
from board.engine.types import JobData

__all__ = ["copy_of", "digest_of", "make_known", "replace_data"]

NOT_COPIED = frozenset(
    {"jobId", "parent", "repeat", "repeatJobKey", "prevMillis", "timestamp", "de", "tm", "deadLetter"}
    | {"fpof", "cpof", "idof", "rdof"}
)
"""Options that belong to one job and not to its kind: identity, family, schedule, deduplication, trace."""

EVENTS_KEPT = 10_000
"""Length of the events stream that BullMQ notes for a new queue."""


def digest_of(data_text: str) -> str:
    """Return what ``replace_data`` knows a payload by."""
    return hashlib.sha1(data_text.encode(), usedforsecurity=False).hexdigest()


def replace_data(queue: QueueKeys, job_id: str, data_text: str, digest: str) -> Call[None]:
    """Replace a job's payload by a text that is stored as it is; atomic.

    Args:
        queue: the queue.
        job_id: the job.
        data_text: JSON; no digit of it is touched.
        digest: of the payload that the change was made from.

    Raises:
        JobNotFoundError: the job is gone.
        JobNotInStateError: its payload is another one by now; nothing was done.
        JobLockedError: a worker holds it; nothing was done.
    """
    check = unless_negative(queue=queue.name, job_id=job_id)

    def decode(reply: object) -> None:
        code = check(reply)
        if code == 1:
            raise JobNotInStateError(
                f"the data of job {job_id} changed meanwhile; nothing was done", queue=queue.name, job_id=job_id
            )
        if code:
            raise JobLockedError(f"a worker holds job {job_id}; nothing was done", queue=queue.name, job_id=job_id)

    return script_call("replace_data", (queue.base,), (job_id, digest, data_text), decode)


def copy_of(job: JobData, now_ms: int) -> NewJob:
    """Return a new job like this one: name, data to the last digit, and the options that belong to its kind."""
    try:
        stored = load_json(job.raw.get("opts", "{}"))
    except ValueError:
        stored = {}
    kept = {name: value for name, value in stored.items() if name not in NOT_COPIED} if isinstance(stored, dict) else {}
    return replace(
        prepare_job(job.name or "unnamed", None, now_ms=now_ms),
        data=job.data_text or "{}",
        options=dump_json({"attempts": 0} | kept),
        delay_ms=max(0, integer(kept.get("delay")) or 0),
        priority=max(0, integer(kept.get("priority")) or 0),
        lifo=kept.get("lifo") is True,
    )


def make_known(queue: QueueKeys) -> Call[None]:
    """Write the meta hash that a queue is found by, if there is none."""
    return Call(("HSETNX", queue.key("meta"), "opts.maxLenEvents", EVENTS_KEPT), lambda _: None)
