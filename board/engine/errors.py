"""Every error the queue engine raises, and the table from script codes to them.

::

    EngineError                    never raised itself
      UsageError                   asked wrongly; nothing was sent
        InvalidOptionError         an option is unknown, has the wrong type or is out of range
        InvalidJobIdError          a custom job id that BullMQ clients could not address
        InvalidQueueNameError      empty, or with a colon
        PayloadError               data that JSON cannot hold, or over the size limit
        ClosedError                the queue, worker or connection was closed before
      JobError                     the world changed between looking and acting
        JobNotFoundError           the job's hash is gone
        JobNotInStateError         the job moved on
        JobLockedError             a worker holds the job
        LockLostError              the lock is missing or belongs to another token
        PendingChildrenError       children are not finished
        FailedChildrenError        a child failed under "fail parent on failure"
        NotStoppableError          its worker takes no requests to stop
        ParentNotFoundError        the parent's hash is gone
        ParentConflictError        the existing job belongs to another parent
        TreeTooLargeError          more jobs hang below it than were to be removed at once
        SchedulerJobError          the pending iteration of a live scheduler
        JobFailedError             a job that was waited for has failed
        BulkAddError               some jobs of a bulk add were refused
      SchedulerError               a schedule that cannot be kept
        SchedulerCollisionError    the next iteration's id is taken
      QueueStateError              the queue is not as the operation needs it (not paused, jobs active)
      StoreError                   Redis is away or refused
        ConnectionLostError        no connection, or it broke before the reply came
          CertificateRefusedError  its certificate has expired, or nobody vouches for it
          NoAnswerError            it does not answer in time
          NoMoreClientsError       maxclients reached
        AuthenticationFailedError  wrong password or user
        PermissionDeniedError      the ACL user may not run this command
        ReadOnlyError              a replica, or a server that stopped taking writes
        OutOfMemoryError           maxmemory reached
        LoadingError               the server is still loading its data
        BusyError                  a script of somebody else blocks the server
        ScriptError                a script of ours failed: a bug, or a key of the wrong type
    ProcessorSignal                raised by a processor to steer its own job; never a failure
      DelayedError                 the processor moved the job to delayed
      WaitingError                 the processor moved the job back to waiting
      WaitingChildrenError         the processor moved the job to waiting-children
      RateLimitError               the queue is rate limited: put the job back, count no attempt
    UnrecoverableError             raised by a processor: fail now, whatever attempts are left
    AttemptError                   an attempt was ended from outside its processor; counted and retried as any failure
      JobTimeoutError              it ran longer than the worker allows
      JobCancelledError            somebody cancelled it
        JobStoppedError            for good: fail now, whatever attempts are left
      ProcessorCrashedError        the process that ran it died
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from typing import Self

__all__ = [
    "AttemptError",
    "AuthenticationFailedError",
    "BulkAddError",
    "BusyError",
    "CertificateRefusedError",
    "ClosedError",
    "ConnectionLostError",
    "DelayedError",
    "EngineError",
    "FailedChildrenError",
    "InvalidJobIdError",
    "InvalidOptionError",
    "InvalidQueueNameError",
    "JobCancelledError",
    "JobError",
    "JobFailedError",
    "JobLockedError",
    "JobNotFoundError",
    "JobNotInStateError",
    "JobStoppedError",
    "JobTimeoutError",
    "LoadingError",
    "LockLostError",
    "NoAnswerError",
    "NoMoreClientsError",
    "NotStoppableError",
    "OutOfMemoryError",
    "ParentConflictError",
    "ParentNotFoundError",
    "PayloadError",
    "PendingChildrenError",
    "PermissionDeniedError",
    "ProcessorCrashedError",
    "ProcessorSignal",
    "QueueStateError",
    "RateLimitError",
    "ReadOnlyError",
    "SchedulerCollisionError",
    "SchedulerError",
    "SchedulerJobError",
    "ScriptError",
    "StoreError",
    "TreeTooLargeError",
    "UnrecoverableError",
    "UsageError",
    "WaitingChildrenError",
    "WaitingError",
    "job_error",
    "message_of",
]


class EngineError(Exception):
    """Root of everything the engine raises about a queue."""


class UsageError(EngineError):
    """The caller asked wrongly; nothing was sent to Redis."""


class InvalidOptionError(UsageError):
    """An option is unknown, has the wrong type or is out of range."""

    def __init__(self, option: str, message: str) -> None:
        self.option = option
        super().__init__(message)

    @classmethod
    def unknown(cls, what: str, name: str, known: Collection[str]) -> Self:
        """Return the error of a name that nobody knows, with the nearest known one, or all of them."""
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f", did you mean {near[0]}?" if near else f"; known are {', '.join(known)}"
        return cls(name, f"unknown {what} {name}{hint}")


class InvalidJobIdError(UsageError):
    """A custom job id that BullMQ clients could not address."""

    def __init__(self, job_id: str, why: str) -> None:
        self.job_id = job_id
        super().__init__(f"job id {job_id!r} is not allowed: {why}")


class InvalidQueueNameError(UsageError):
    """A queue name that is empty or holds a colon."""

    def __init__(self, queue: str, why: str) -> None:
        self.queue = queue
        super().__init__(f"queue name {queue!r} is not allowed: {why}")


class PayloadError(UsageError):
    """Data that JSON cannot hold, or that is over the size limit."""


class ClosedError(UsageError):
    """The queue, worker or connection was closed before."""


class JobError(EngineError):
    """The world changed between looking and acting; the operation did nothing unless it says otherwise.

    Attributes:
        queue: name of the queue, without prefix.
        job_id: the job acted on.
        code: the script's code, with BullMQ's numbers.
    """

    def __init__(self, message: str, *, queue: str = "", job_id: str = "", code: int = 0) -> None:
        self.queue = queue
        self.job_id = job_id
        self.code = code
        super().__init__(message)


class JobNotFoundError(JobError):
    """The job's hash is gone: finished and removed, or never there."""


class JobNotInStateError(JobError):
    """The job is not in the state that the operation needs; it moved on meanwhile."""


class JobLockedError(JobError):
    """A worker holds the job (or one of its children) right now."""


class LockLostError(JobError):
    """The job's lock is missing or belongs to another token: another worker may have it."""


class PendingChildrenError(JobError):
    """The job has children that are not finished."""


class FailedChildrenError(JobError):
    """A child failed that was added with "fail parent on failure"."""


class NotStoppableError(JobError):
    """The worker that holds the job takes no requests to stop: it is not of this engine, or renews no locks."""


class TreeTooLargeError(JobError):
    """More jobs hang below the job than were to be removed at once."""


class ParentNotFoundError(JobError):
    """The parent's hash is gone, so the child was not added."""


class ParentConflictError(JobError):
    """The existing job with this id already belongs to another parent that is still there."""


class SchedulerJobError(JobError):
    """The job is the pending iteration of a live scheduler; remove the scheduler instead."""


class JobFailedError(JobError):
    """A job that somebody waited for has failed; the message is its reason."""


class BulkAddError(JobError):
    """Some jobs of a bulk add were refused; the others were added.

    Attributes:
        outcomes: for each job its id or its error, in order.
    """

    def __init__(self, queue: str, outcomes: Sequence[str | EngineError]) -> None:
        self.outcomes = tuple(outcomes)
        errors = [item for item in outcomes if isinstance(item, EngineError)]
        super().__init__(
            f"{len(errors)} of {len(outcomes)} jobs were not added to queue {queue}; the first: {errors[0]}",
            queue=queue,
        )


class SchedulerError(EngineError):
    """A schedule that cannot be kept."""


class SchedulerCollisionError(SchedulerError):
    """The id of the next iteration is taken by another job."""


class QueueStateError(EngineError):
    """The queue is not in the condition that the operation needs."""


class StoreError(EngineError):
    """Redis is away or refused; whether a write took effect is unknown only for ConnectionLostError."""


class ConnectionLostError(StoreError):
    """No connection could be made, or it broke before the reply came."""


class CertificateRefusedError(ConnectionLostError):
    """The server's certificate has expired, is for another name, or nobody vouches for it; nothing was sent."""


class NoAnswerError(ConnectionLostError):
    """The server did not answer in time; whether it did what was asked is unknown."""


class NoMoreClientsError(ConnectionLostError):
    """The server has as many clients as its ``maxclients`` allows; nothing was done."""


class AuthenticationFailedError(StoreError):
    """Redis refused the user or the password."""


class PermissionDeniedError(StoreError):
    """The ACL user may not run this command or touch this key."""


class ReadOnlyError(StoreError):
    """The server takes no writes: a replica, or persistence trouble."""


class OutOfMemoryError(StoreError):
    """The server reached maxmemory and evicts nothing."""


class LoadingError(StoreError):
    """The server is still loading its data."""


class BusyError(StoreError):
    """Somebody's long script blocks the server."""


class ScriptError(StoreError):
    """A script failed: a key holds another type than the protocol says, or a bug of ours."""


class ProcessorSignal(Exception):  # noqa: N818 - a signal, not an error; its subclasses keep BullMQ's names
    """What a processor raises to steer its own job; never counted as a failure."""


class DelayedError(ProcessorSignal):
    """The processor has moved its job to delayed."""


class WaitingError(ProcessorSignal):
    """The processor has moved its job back to waiting."""


class WaitingChildrenError(ProcessorSignal):
    """The processor has moved its job to waiting-children."""


class RateLimitError(ProcessorSignal):
    """The queue is rate limited: the job goes back to the front, no attempt is counted."""


class UnrecoverableError(Exception):
    """Raised by a processor: the job fails now, whatever attempts are left."""


class AttemptError(Exception):
    """An attempt was ended from outside its processor; counted and retried as any failure."""


class JobTimeoutError(AttemptError):
    """The job ran longer than the worker's ``job_timeout``."""


class JobCancelledError(AttemptError):
    """Somebody cancelled the job while it ran."""


class JobStoppedError(JobCancelledError):
    """Somebody asked for the job to be stopped, from wherever they were: it fails, whatever attempts are left."""


class ProcessorCrashedError(AttemptError):
    """The process that ran the job died; the worker and its other jobs go on."""


_BY_CODE: dict[int, tuple[type[JobError], str]] = {
    -1: (JobNotFoundError, "job {job_id} is not in queue {queue} any more"),
    -2: (LockLostError, "job {job_id} of queue {queue} has no lock: it expired while {action}"),
    -3: (JobNotInStateError, "job {job_id} of queue {queue} is not {expected}: it changed meanwhile"),
    -4: (PendingChildrenError, "job {job_id} of queue {queue} has unfinished children"),
    -5: (ParentNotFoundError, "the parent of job {job_id} is gone, nothing was added to queue {queue}"),
    -6: (LockLostError, "job {job_id} of queue {queue} is locked by another worker"),
    -7: (ParentConflictError, "job {job_id} of queue {queue} already belongs to another parent"),
    -8: (
        SchedulerJobError,
        "job {job_id} of queue {queue} is the next run of a job scheduler; remove the scheduler instead",
    ),
    -9: (FailedChildrenError, "job {job_id} of queue {queue} has children that failed"),
    -10: (NotStoppableError, "the worker of job {job_id} of queue {queue} does not take requests to stop"),
}


def job_error(code: int, *, queue: str, job_id: str, expected: str = "there", action: str = "it ran") -> EngineError:
    """Turn a script's negative code into the error that says what happened.

    Args:
        code: a number below zero, BullMQ's meaning.
        queue: queue name for the message.
        job_id: job id for the message.
        expected: the state the operation needed, in words ("delayed", "failed").
        action: what was going on when a lock was found missing.
    """
    known = _BY_CODE.get(code)
    if known is None:
        return ScriptError(f"a script answered {code} for job {job_id} of queue {queue}")
    kind, text = known
    return kind(
        text.format(job_id=job_id or "?", queue=queue, expected=expected, action=action),
        queue=queue,
        job_id=job_id,
        code=code,
    )


def message_of(error: BaseException) -> str:
    """Return what an error says; the name of its type when it says nothing, or cannot even say that."""
    try:
        said = str(error)
    except Exception:  # noqa: BLE001 - the error is somebody else's code
        said = ""
    return said or type(error).__name__
