"""Starts and ends one job in Redis, as steps that both fronts drive.

Like a ``Plan``, with two steps more: ``Nap`` waits, ``Report`` tells the listeners of ``error``. Written once because
here jobs get lost or run twice when it is wrong:

- A finish whose reply never came may have taken effect. It is sent again with the same token. Redis then says either
  "done now", or that the lock, the place among the active jobs or the hash is gone: it had landed, or the job was taken
  away meanwhile. Its state tells which, as far as anybody can tell.
- A finish that never landed is tried for as long as it takes: the processor's work is done, and running it again
  because Redis was away for a minute would be running it twice. Its lock is renewed meanwhile.
- What cannot succeed by waiting (a key of the wrong type, a missing permission) is tried a few times and then left: the
  lock expires, and the stalled check gives the job to another worker.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from board.engine.calls import Batch, Call
from board.engine.codec import dump_json, integer, text
from board.engine.commands import jobs, leases, schedulers
from board.engine.commands.leases import DeadLetter, FetchNext
from board.engine.errors import (
    ConnectionLostError,
    EngineError,
    FailedChildrenError,
    JobError,
    PayloadError,
    PendingChildrenError,
    PermissionDeniedError,
    ScriptError,
    StoreError,
    UnrecoverableError,
)
from board.engine.keys import QueueKeys
from board.engine.types import Fetched, JobData, JobState, Keep
from board.engine.values import value
from board.engine.worker.messages import Lease
from board.engine.worker.outcome import (
    Complete,
    Decision,
    Delay,
    Fail,
    Nothing,
    PutBack,
    Raised,
    Retry,
    Returned,
    Rules,
    decide,
    failure_before_run,
    retention,
)

__all__ = [
    "JobRules",
    "Nap",
    "Report",
    "Settled",
    "Steps",
    "begin",
    "first_try",
    "put_back",
    "reclaim",
    "settle",
]

FIRST_NAP_MS = 50
LONGEST_NAP_MS = 2_000
TRIES = 5
"""For errors that waiting does not cure; by then some seconds have passed and the fault is no hiccup."""

_TAKES_NONE = (Retry, PutBack)
"""Ends that bring no next job."""

MOST_ACTIVE = 5_000
"""Most active jobs looked at when searching for one of ours."""


@dataclass(frozen=True, slots=True)
class JobRules:
    """What the end of a job depends on besides the job.

    Attributes:
        queue: the worker's queue.
        rules: for failures.
        fetch: how to take the next job.
        keep_completed: retention of completed jobs that do not say otherwise.
        keep_failed: the same for failed jobs.
        metrics_points: minutes of counts to keep; None counts nothing.
        dead_letter: where jobs go that failed for good.
    """

    queue: QueueKeys
    rules: Rules
    fetch: FetchNext
    keep_completed: Keep | None = None
    keep_failed: Keep | None = None
    metrics_points: int | None = None
    dead_letter: DeadLetter | None = None


@value(frozen=True, slots=True)
class Nap:
    """Wait; answered with False when the worker gives up and nothing should be tried any more."""

    ms: int


@dataclass(frozen=True, slots=True)
class Report:
    """Tell the listeners of ``error``."""

    error: Exception


@value(frozen=True, slots=True)
class Settled:
    """What became of a job.

    Attributes:
        decision: what was done; None when it was not ours to do any more.
        error: what the processor raised, if it did.
        fetched: what the last call fetched; None when it was not to fetch.
        limited_ms: the queue is rate limited for so long.
        unsure: a call whose reply never came may have fetched a job.
    """

    decision: Decision | None
    error: BaseException | None = None
    fetched: Fetched | None = None
    limited_ms: int = 0
    unsure: bool = False


R = TypeVar("R")

Steps = Generator["Call[Any] | Batch[Any] | Nap | Report", Any, R]
"""What a front drives: it sends replies, and throws ``EngineError`` where a call failed."""


def begin(rules: JobRules, job: JobData, clock: Callable[[], int]) -> Steps[Raised | None]:
    """Do what comes between taking a job and running it; return why it must fail without running, or None.

    A job of a scheduler first gets its successor. Redis being away is waited for; any other trouble is reported, and
    the job runs all the same.
    """
    nap_ms = FIRST_NAP_MS
    while job.scheduler_id is not None:
        try:
            yield from schedulers.next_iteration(rules.queue, job, clock())
        except (ScriptError, PermissionDeniedError) as error:
            yield Report(error)
        except StoreError as error:
            yield Report(error)
            if (yield Nap(nap_ms)):
                nap_ms = min(nap_ms * 2, LONGEST_NAP_MS)
                continue
        except EngineError as error:
            yield Report(error)
        break
    return failure_before_run(job, rules.rules)


def settle(
    rules: JobRules,
    job: JobData,
    token: str,
    result: Returned | Raised,
    *,
    clock: Callable[[], int],
    roll: float,
    may_fetch: Callable[[], bool],
    met: EngineError | None = None,
) -> Steps[Settled]:
    """End a job: complete it, fail it, retry it or give it back.

    Args:
        rules: the worker's.
        job: as it was fetched.
        token: its lock's.
        result: what its processor did.
        clock: now, in ms.
        roll: a random number from 0 up to, not including, 1.
        may_fetch: whether to take the next job in the same call; asked before each try.
        met: what the first try met, where ``first_try`` described it and it has been made.
    """
    decision = decide(job, result, rules.rules, roll)
    unsure = False
    tries, nap_ms = 0, FIRST_NAP_MS
    while not isinstance(decision, Nothing):
        error = result.error if isinstance(result, Raised) else None
        fetch = rules.fetch if may_fetch() and not unsure else None  # a doubtful token takes nothing more
        try:
            if met is not None:
                first, met = met, None
                raise first
            call = _ending(rules, job, token, decision, clock(), fetch)
            reply = call.decode((yield call))
        except (PendingChildrenError, FailedChildrenError) as refused:
            # A parent cannot complete over its children; as in BullMQ it fails, for good when one of them failed.
            final = isinstance(refused, FailedChildrenError)
            result = Raised(UnrecoverableError(str(refused)) if final else refused)
            decision = decide(job, result, rules.rules, roll)
        except JobError as gone:
            if unsure and (yield from _has_landed(rules.queue, job, decision)):
                return Settled(decision, error, unsure=True)
            yield Report(gone)
            return Settled(None, error, unsure=unsure)
        except StoreError as away:
            unsure = unsure or isinstance(away, ConnectionLostError)
            tries += 1
            yield Report(away)
            hopeless = isinstance(away, ScriptError | PermissionDeniedError) and tries >= TRIES
            if hopeless or not (yield Nap(nap_ms)):
                return Settled(None, error, unsure=unsure)
            nap_ms = min(nap_ms * 2, LONGEST_NAP_MS)
        else:
            limited_ms = reply if isinstance(reply, int) else 0
            fetched = None
            if fetch is not None and not isinstance(decision, _TAKES_NONE):
                fetched = reply if isinstance(reply, Fetched) else Fetched()
            return Settled(decision, error, fetched, limited_ms, unsure)
    return Settled(decision, result.error if isinstance(result, Raised) else None, unsure=unsure)


def first_try(
    rules: JobRules, job: JobData, token: str, result: Returned, now_ms: int, *, may_fetch: bool
) -> Call[Fetched | None] | None:
    """Describe the call that completes a job, for a front that makes it without the steps of ``settle``.

    Nearly all jobs end with it. What the call meets instead of a reply goes to ``settle`` as ``met``. None where the
    return value cannot be stored.
    """
    try:
        return_text = dump_json(result.value)
    except PayloadError:
        return None
    fetch = rules.fetch if may_fetch else None
    # As for most jobs, and sooner told than by `_completion`, which finds out what they leave behind.
    if rules.keep_completed is None and rules.metrics_points is None and "removeOnComplete" not in job.options:
        return leases.complete_usual_job(rules.queue, job.id, token, return_text, now_ms, fetch)
    return _completion(rules, job, token, return_text, now_ms, fetch)


def put_back(queue: QueueKeys, lease: Lease) -> Steps[int]:
    """Give a job back to the front of the line; returns for how long the queue is rate limited.

    Tried once: when Redis is away the lock expires, and the stalled check gives it back.
    """
    try:
        limited_ms: int = yield from leases.return_job(queue, lease.job_id, token=lease.token)
    except EngineError as error:
        yield Report(error)
    else:
        return limited_ms
    return 0


def reclaim(queue: QueueKeys, tokens: tuple[str, ...]) -> Steps[list[str]]:
    """Give back the jobs that are active under these tokens; returns their ids."""
    ids: list[str] = yield from Call(
        ("LRANGE", queue.container(JobState.ACTIVE), 0, MOST_ACTIVE - 1),
        lambda reply: [text(item) for item in reply],
        writes=False,
    )
    if not ids:
        return []
    owners: list[str | None] = yield from Call(
        ("MGET", *(queue.lock(job_id) for job_id in ids)),
        lambda reply: [None if item is None else text(item) for item in reply],
        writes=False,
    )
    ours = [Lease(job_id, owner) for job_id, owner in zip(ids, owners, strict=True) if owner in tokens and owner]
    for lease in ours:
        try:
            yield from leases.return_job(queue, lease.job_id, token=lease.token)
        except JobError as error:
            yield Report(error)
    return [lease.job_id for lease in ours]


def _ending(  # noqa: PLR0917 - the end of a job depends on all of it
    rules: JobRules,
    job: JobData,
    token: str,
    decision: Complete | Fail | Delay | Retry | PutBack,
    now_ms: int,
    fetch: FetchNext | None,
) -> Call[Any]:
    queue = rules.queue
    options = job.options
    if isinstance(decision, Complete):
        return _completion(rules, job, token, decision.return_text, now_ms, fetch)
    if isinstance(decision, PutBack):
        return leases.return_job(queue, job.id, token=token)
    failure = decision.failure
    match decision:
        case Fail():
            return leases.fail_job(
                queue,
                job.id,
                token=token,
                reason=failure.reason,
                stacktrace=failure.stacktrace,
                now_ms=now_ms,
                attempts=integer(options.get("attempts")) or 0,
                keep=retention(options.get("removeOnFail"), rules.keep_failed),
                fetch=fetch,
                metrics_points=rules.metrics_points,
                dead_letter=rules.dead_letter,
            )
        case Delay(delay_ms=delay_ms):
            return leases.delay_active_job(
                queue,
                job.id,
                token=token,
                delay_ms=delay_ms,
                now_ms=now_ms,
                count_attempt=True,
                reason=failure.reason,
                stacktrace=failure.stacktrace,
                fetch=fetch,
            )
        case Retry(lifo=lifo):
            # It takes no job: were it this one again, a reply that got lost could not be told from a retry that did.
            return leases.retry_active_job(
                queue,
                job.id,
                token=token,
                now_ms=now_ms,
                lifo=lifo,
                reason=failure.reason,
                stacktrace=failure.stacktrace,
                most=rules.fetch.most,
            )


def _completion(  # noqa: PLR0917 - as above
    rules: JobRules, job: JobData, token: str, return_text: str, now_ms: int, fetch: FetchNext | None
) -> Call[Fetched | None]:
    return leases.complete_job(
        rules.queue,
        job.id,
        token=token,
        return_text=return_text,
        now_ms=now_ms,
        keep=retention(job.options.get("removeOnComplete"), rules.keep_completed),
        fetch=fetch,
        metrics_points=rules.metrics_points,
    )


def _has_landed(queue: QueueKeys, job: JobData, decision: Decision) -> Steps[bool]:
    """Find out whether a finish of which the reply never came took effect; False when that cannot be told."""
    nap_ms = FIRST_NAP_MS
    state: JobState | None = None
    while state is None:
        try:
            state = yield from jobs.get_state(queue, job.id)
        except StoreError as away:
            yield Report(away)
            if isinstance(away, ScriptError | PermissionDeniedError) or not (yield Nap(nap_ms)):
                return False
            nap_ms = min(nap_ms * 2, LONGEST_NAP_MS)
    match decision:
        case Complete():
            return state in (JobState.COMPLETED, JobState.UNKNOWN)
        case Fail():
            return state in (JobState.FAILED, JobState.UNKNOWN)
        case _:
            return state not in (JobState.ACTIVE, JobState.UNKNOWN)
