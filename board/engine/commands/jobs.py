"""One job: add it, read it, change it, move it, remove it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from board.engine.calls import Batch, Call, Plan
from board.engine.codec import decode_job, dump_json, pack, text
from board.engine.commands.script_call import item_call, script_call, texts, unless_negative
from board.engine.errors import EngineError, InvalidOptionError, JobLockedError, TreeTooLargeError, job_error
from board.engine.keys import STATE_CONTAINERS, QueueKeys
from board.engine.options import MAX_PRIORITY, NewJob, check_whole
from board.engine.types import JobData, JobState, JsonValue, LogPage

__all__ = [
    "MAX_JOBS_PER_CALL",
    "MOST_AT_ONCE",
    "TOO_MANY_BELOW",
    "add_job",
    "add_jobs",
    "add_log",
    "add_new_job",
    "change_delay",
    "change_priority",
    "clear_logs",
    "get_deduplication_job",
    "get_job",
    "get_lock_ttl",
    "get_logs",
    "get_state",
    "is_finished",
    "promote_job",
    "remove_deduplication_key",
    "remove_job",
    "remove_job_deduplication",
    "retry_job",
    "update_data",
    "update_progress",
]

TOO_MANY_BELOW = -20
"""What the removal scripts answer; BullMQ has no number for it."""

MOST_AT_ONCE = 100
"""Most jobs below another that one script removes: about three milliseconds of the server's time."""

MAX_JOBS_PER_CALL = 50
"""Most jobs that one call of ``add_jobs`` adds: keeps the time that Redis is held below a millisecond or two."""


def add_job(queue: QueueKeys, job: NewJob) -> Call[str]:
    """Add one job; atomic.

    Returns the new job's id; for a custom id that exists already that id, and for a duplicate the id of the job that
    is kept.

    Raises:
        ParentNotFoundError: its parent is gone; nothing was added.
        ParentConflictError: the job exists and belongs to another parent.
    """
    return item_call("add_jobs", queue.base, pack(job.wire()), partial(_only_added, queue, job))


def add_new_job(queue: QueueKeys, job: NewJob) -> Plan[tuple[str, bool]]:
    """Add one job and tell its id, and whether it is new; False where a job that was there is kept, whose id that is.

    Raises:
        ParentNotFoundError, ParentConflictError: as ``add_job``.
    """
    before: list[Call[str | None]] = []
    if job.job_id is not None:
        before.append(
            Call(("EXISTS", queue.job(job.job_id)), lambda there: job.job_id if there else None, writes=False)
        )
    if job.deduplication is not None:
        before.append(get_deduplication_job(queue, job.deduplication.id))
    *in_its_place, added = yield from Batch[Any].of([*before, add_job(queue, job)], atomic=bool(before))
    return added, added not in in_its_place


def add_jobs(queue: QueueKeys, jobs: Sequence[NewJob]) -> Call[list[str | EngineError]]:
    """Add up to 50 jobs of one queue in one atomic call, in order.

    Returns for each its id, or the error that this one met, in its place; the others are added all the same.
    """
    if len(jobs) > MAX_JOBS_PER_CALL:
        raise InvalidOptionError("jobs", f"at most {MAX_JOBS_PER_CALL} jobs in one call, not {len(jobs)}")

    def decode(reply: Any) -> list[str | EngineError]:
        return [_outcome(queue, job, item) for job, item in zip(jobs, reply, strict=True)]

    return script_call("add_jobs", (queue.base,), (pack([job.wire() for job in jobs]), "0"), decode)


def get_job(queue: QueueKeys, job_id: str) -> Call[JobData | None]:
    """Read a job; None when there is none."""
    return Call(("HGETALL", queue.job(job_id)), lambda reply: decode_job(job_id, reply), writes=False)


def get_state(queue: QueueKeys, job_id: str) -> Call[JobState]:
    """Find out where a job is. O(n) of the lists when it waits or runs."""
    return script_call("read_state", (queue.base,), (job_id,), lambda reply: JobState(text(reply)), writes=False)


def is_finished(queue: QueueKeys, job_id: str) -> Call[tuple[JobState | None, str]]:
    """Find out whether a job ended: its state with its return value's JSON or its failure text.

    The state is UNKNOWN when the job is gone and None while the job has not ended.
    """
    by_code = {-1: JobState.UNKNOWN, 0: None, 1: JobState.COMPLETED, 2: JobState.FAILED}

    def decode(reply: Any) -> tuple[JobState | None, str]:
        return by_code[int(reply[0])], text(reply[1])

    return script_call("read_finished", (queue.base,), (job_id,), decode, writes=False)


def retry_job(
    queue: QueueKeys,
    job_id: str,
    state: JobState = JobState.FAILED,
    *,
    reset_attempts_made: bool = False,
    reset_attempts_started: bool = False,
    seen: str = "",
) -> Call[None]:
    """Make a job that ended runnable again; atomic.

    Stack traces, data and (unless reset) the attempts stay, so a job that used up its attempts gets one more try.

    Args:
        queue: the queue.
        job_id: the job.
        state: where it is.
        reset_attempts_made: forget the attempts that counted.
        reset_attempts_started: forget how often it was started.
        seen: the score that it was seen with in the set of that state. A job that ended again has another one, so
            the same call acts at most once, however often it is sent.

    Raises:
        JobNotFoundError: the job is gone.
        JobNotInStateError: it is not in ``state`` any more, or not with that score; nothing was done.
    """
    if state not in (JobState.FAILED, JobState.COMPLETED):
        raise InvalidOptionError("state", f"only failed and completed jobs can be retried, not {state}")
    check = unless_negative(queue=queue.name, job_id=job_id, expected=state.value)
    return script_call(
        "retry_job",
        (queue.base,),
        (job_id, STATE_CONTAINERS[state], _flag(reset_attempts_made), _flag(reset_attempts_started), seen),
        check,
    ).map(_nothing)


def promote_job(queue: QueueKeys, job_id: str, *, seen: str = "") -> Call[None]:
    """Make a delayed job runnable now; atomic. ``seen``: only while its score among the delayed is that one.

    Raises:
        JobNotInStateError: it is not delayed (any more); nothing was done.
        JobNotFoundError: only its id was left in the set, and is gone now too.
    """
    check = unless_negative(queue=queue.name, job_id=job_id, expected="delayed")
    return script_call("promote_job", (queue.base,), (job_id, seen), check).map(_nothing)


def remove_job(
    queue: QueueKeys,
    job_id: str,
    *,
    remove_children: bool = True,
    most_below: int = MOST_AT_ONCE,
    state: JobState | None = None,
    seen: str = "",
    born: str = "",
) -> Call[None]:
    """Remove a job and, unless told otherwise, everything below it; atomic. A job that is gone already is no error.

    One script removes the whole tree, and the server answers nobody meanwhile: ``most_below`` bounds it. For larger
    trees see ``trees.remove_tree``.

    With ``state`` and the score ``seen`` there, or the moment ``born`` at which it was added as its hash spells it, the
    call removes only the job that was seen: one that moved on, or was added anew under its id, is left alone. So it
    acts at most once, however often it is sent.

    Raises:
        JobNotInStateError: it is not as it was seen any more; nothing was done.
        JobLockedError: a worker holds it or one of its pending children; nothing was done.
        TreeTooLargeError: more than ``most_below`` jobs hang below it, or they wait in lists that are too long to look
            for all of them at once; nothing was done.
        SchedulerJobError: it is the next run of a job scheduler; nothing was done.
    """

    def decode(reply: Any) -> None:
        code = int(reply)
        if code == 0:
            raise JobLockedError(
                f"job {job_id} of queue {queue.name}, or one of its children, is held by a worker",
                queue=queue.name,
                job_id=job_id,
            )
        if code == TOO_MANY_BELOW:
            raise TreeTooLargeError(
                f"more than {most_below} jobs hang below job {job_id} of queue {queue.name}",
                queue=queue.name,
                job_id=job_id,
            )
        if code < 0:
            raise job_error(code, queue=queue.name, job_id=job_id, expected=state.value if state else "there")

    guard = (STATE_CONTAINERS[state] if state else "", seen, born)
    return script_call("remove_job", (queue.base,), (job_id, _flag(remove_children), most_below, *guard), decode)


def update_data(queue: QueueKeys, job_id: str, data: JsonValue) -> Call[None]:
    """Replace a job's payload.

    Raises:
        PayloadError: it is not JSON.
        JobNotFoundError: the job is gone.
    """
    check = unless_negative(queue=queue.name, job_id=job_id)
    return script_call("update_data", (queue.job(job_id),), (dump_json(data),), check).map(_nothing)


def update_progress(queue: QueueKeys, job_id: str, progress: JsonValue) -> Call[None]:
    """Store a job's progress, any JSON value, and tell the listeners.

    Raises:
        JobNotFoundError: the job is gone.
    """
    check = unless_negative(queue=queue.name, job_id=job_id)
    return script_call("set_progress", (queue.base,), (job_id, dump_json(progress)), check).map(_nothing)


def add_log(queue: QueueKeys, job_id: str, line: str, keep: int | None = None) -> Call[int]:
    """Append a line to a job's log and keep only the newest ``keep`` of them.

    Returns how many lines there are.

    Raises:
        JobNotFoundError: the job is gone.
    """
    check = unless_negative(queue=queue.name, job_id=job_id)
    return script_call("add_log", (queue.job(job_id), queue.logs(job_id)), (line, -1 if keep is None else keep), check)


def clear_logs(queue: QueueKeys, job_id: str, keep: int | None = None) -> Call[None]:
    """Delete a job's log lines, or all but the newest ``keep``."""
    key = queue.logs(job_id)
    return Call(("LTRIM", key, -keep, -1) if keep else ("DEL", key), _nothing)


def get_logs(queue: QueueKeys, job_id: str, start: int = 0, end: int = -1, *, ascending: bool = True) -> Call[LogPage]:
    """Read lines ``start`` to ``end`` of a job's log, counted from the oldest, or from the newest when descending."""

    def decode(reply: Any) -> LogPage:
        return LogPage(tuple(texts(reply[0])), int(reply[1]))

    return script_call("read_logs", (queue.logs(job_id),), (start, end, _flag(ascending)), decode, writes=False)


def change_delay(queue: QueueKeys, job_id: str, delay_ms: int, now_ms: int) -> Call[None]:
    """Let a delayed job wait so long from now on; atomic.

    Raises:
        JobNotFoundError: the job is gone.
        JobNotInStateError: it is not delayed (any more).
    """
    check = unless_negative(queue=queue.name, job_id=job_id, expected="delayed")
    return script_call("change_delay", (queue.base,), (job_id, delay_ms, now_ms), check).map(_nothing)


def change_priority(queue: QueueKeys, job_id: str, priority: int, *, lifo: bool = False) -> Call[None]:
    """Give a job another priority and, if it is in line, another place; with ``lifo`` the first of its priority.

    Raises:
        InvalidOptionError: not 0 to 2,097,151.
        JobNotFoundError: the job is gone.
    """
    check_whole("priority", priority, 0, MAX_PRIORITY)
    check = unless_negative(queue=queue.name, job_id=job_id)
    return script_call("change_priority", (queue.base,), (job_id, priority, _flag(lifo)), check).map(_nothing)


def get_lock_ttl(queue: QueueKeys, job_id: str) -> Call[int | None]:
    """Read for how many ms a job's lock still holds; None without a lock."""
    return Call(("PTTL", queue.lock(job_id)), lambda reply: int(reply) if int(reply) >= 0 else None, writes=False)


def get_deduplication_job(queue: QueueKeys, deduplication_id: str) -> Call[str | None]:
    """Read the id of the job that owns a deduplication id."""
    return Call(
        ("GET", queue.key(f"de:{deduplication_id}")),
        lambda reply: None if reply is None else text(reply),
        writes=False,
    )


def remove_deduplication_key(queue: QueueKeys, deduplication_id: str) -> Call[bool]:
    """Free a deduplication id, whoever owns it; True if somebody did."""
    return Call(("DEL", queue.key(f"de:{deduplication_id}")), bool)


def remove_job_deduplication(queue: QueueKeys, job_id: str, deduplication_id: str) -> Call[bool]:
    """Free a deduplication id if this job owns it."""
    return script_call("free_job_deduplication", (queue.key(f"de:{deduplication_id}"),), (job_id,), bool)


def _outcome(queue: QueueKeys, job: NewJob, reply: Any) -> str | EngineError:
    try:
        return _added(queue, job, reply)
    except EngineError as error:
        return error


def _only_added(queue: QueueKeys, job: NewJob, reply: Any) -> str:
    added = reply[0]
    return text(added) if added.__class__ is bytes else _added(queue, job, added)


def _added(queue: QueueKeys, job: NewJob, reply: Any) -> str:
    if isinstance(reply, int) and reply < 0:
        raise job_error(reply, queue=queue.name, job_id=job.job_id or job.name)
    return text(reply)


def _flag(value: bool) -> str:  # noqa: FBT001 - encodes a flag
    return "1" if value else "0"


def _nothing(_reply: object) -> None:
    return None
