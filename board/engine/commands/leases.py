"""What a worker does with jobs: take one under a lock, keep the lock, end the job, give it back, find lost ones.

Every function is one atomic script. A job is taken with a token that no other worker uses; ending it needs the same
token, and a job fetched in the same call as an end inherits it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import Any

from board.engine.calls import Call
from board.engine.codec import decode_taken, dump_json, flatten, pack, text
from board.engine.commands.script_call import MOST_TOGETHER, item_call, script_call, texts, unless_negative
from board.engine.errors import job_error
from board.engine.keys import QueueKeys
from board.engine.options import to_ms
from board.engine.types import Fetched, Keep, RateLimit

__all__ = [
    "DeadLetter",
    "FetchNext",
    "Renewal",
    "complete_job",
    "complete_usual_job",
    "delay_active_job",
    "extend_lock",
    "fail_job",
    "fetch_job",
    "move_stalled",
    "release_lock",
    "renew_locks",
    "retry_active_job",
    "return_job",
    "wait_for_children",
    "wait_for_marker",
]


_NO_TAKER = b"\xc2"
_NULL = pack("null")

_ARRAYS = tuple(bytes((0x90 + size,)) for size in range(16))
"""The first byte of a MessagePack array by its length."""


@dataclass(frozen=True)
class FetchNext:
    """How to take the next job in the same call that ends one.

    Attributes:
        lock_ms: how long its lock holds.
        limiter: the worker's rate limit.
        worker: the worker's name.
        most: jobs of one moment that one run of a script ends.
    """

    lock_ms: int
    limiter: RateLimit | None = None
    worker: str | None = None
    most: int = MOST_TOGETHER

    @cached_property
    def packed(self) -> bytes:
        """The part of it that is the same for every job, as `fetch_next.lua` unpacks it."""
        limiter = self.limiter
        limits = (limiter.max, to_ms(limiter.duration)) if limiter is not None else (False, False)
        return pack(_shortened((str(self.lock_ms), *limits, self.worker if self.worker is not None else False)))


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Where a job goes that failed for good, in the same atomic step.

    Attributes:
        queue: the dead-letter queue; on a cluster it shares the hash tag.
        origin: name of the queue it failed in.
        prefix: that queue's prefix.
    """

    queue: QueueKeys
    origin: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Renewal:
    """What a worker hears when it renews its locks.

    Attributes:
        lost: ids whose lock is not ours any more.
        stops: ids of jobs that somebody wants to stop, with the reason; told again until they have ended.
    """

    lost: list[str]
    stops: dict[str, str]


def fetch_job(
    queue: QueueKeys,
    *,
    token: str,
    lock_ms: int,
    now_ms: int,
    limiter: RateLimit | None = None,
    worker: str | None = None,
    most: int = MOST_TOGETHER,
) -> Call[Fetched]:
    """Promote the delayed jobs that are due, then take the next job and lock it.

    Returns no job when there is none, when the queue is paused, at its concurrency (all 0), or rate limited.
    """
    item = b"\x92" + pack((str(now_ms), token)) + _taker(lock_ms, limiter, worker)
    return item_call("fetch_jobs", queue.base, item, partial(_fetched_first, now_ms, worker), most)


def complete_job(
    queue: QueueKeys,
    job_id: str,
    *,
    token: str,
    return_text: str,
    now_ms: int,
    keep: Keep | None = None,
    fetch: FetchNext | None = None,
    metrics_points: int | None = None,
    fields: Mapping[str, str] | None = None,
) -> Call[Fetched | None]:
    """End an active job as completed, and take the next one under the same token if ``fetch`` says how.

    Args:
        queue: the queue.
        job_id: the job.
        token: the token it was taken with.
        return_text: JSON of the return value; `null` for none.
        now_ms: the clock.
        keep: retention of completed jobs; None keeps all.
        fetch: how to take the next job; None takes none.
        metrics_points: minutes of counts to keep; None counts nothing.
        fields: further fields of the hash to set.

    Raises:
        JobNotFoundError, LockLostError, JobNotInStateError, PendingChildrenError, FailedChildrenError: not ended.
    """
    if keep is None and metrics_points is None and not fields:
        return complete_usual_job(queue, job_id, token, return_text, now_ms, fetch)
    end = (str(now_ms), job_id, token, "completed", return_text)
    options = (
        False if keep is None else _retention(keep),
        False if metrics_points is None else metrics_points,
        flatten(fields) if fields else False,
    )
    return _finish_call(queue, now_ms, end, options, fetch)


def complete_usual_job(  # noqa: PLR0917 - each of them tells something else, and names cost time here
    queue: QueueKeys, job_id: str, token: str, return_text: str, now_ms: int, fetch: FetchNext | None
) -> Call[Fetched | None]:
    """Describe what ``complete_job`` does for most jobs, which are kept and not counted."""
    taker, most = (_NO_TAKER, MOST_TOGETHER) if fetch is None else (fetch.packed, fetch.most)
    value = _NULL if return_text == "null" else pack(return_text)
    item = b"".join((_six_from(now_ms), pack(job_id), _completed_under(token), value, taker))
    decode = partial(_only_fetched_after, queue, job_id, now_ms, fetch)
    return item_call("finish_jobs", queue.base, item, decode, most)


def fail_job(
    queue: QueueKeys,
    job_id: str,
    *,
    token: str,
    reason: str,
    now_ms: int,
    stacktrace: Sequence[str] | None = None,
    attempts: int = 0,
    keep: Keep | None = None,
    fetch: FetchNext | None = None,
    metrics_points: int | None = None,
    fields: Mapping[str, str] | None = None,
    dead_letter: DeadLetter | None = None,
) -> Call[Fetched | None]:
    """End an active job as failed; its parent learns of it by the job's policy.

    Args:
        queue: the queue.
        job_id: the job.
        token: the token it was taken with.
        reason: message of the failure, raw text.
        now_ms: the clock.
        stacktrace: the stack traces of all attempts, oldest first, cut to the limit; None leaves what is there.
        attempts: the job's `attempts` option.
        keep: retention of failed jobs; None keeps all.
        fetch: how to take the next job; None takes none.
        metrics_points: minutes of counts to keep; None counts nothing.
        fields: further fields of the hash to set.
        dead_letter: put a copy into this queue in the same step.

    Raises:
        JobNotFoundError, LockLostError, JobNotInStateError: it was not ended.
    """
    extra = _failure_fields(reason, stacktrace) | dict(fields or {})
    end = (str(now_ms), job_id, token, "failed", reason)
    options = (
        False if keep is None else _retention(keep),
        False if metrics_points is None else metrics_points,
        flatten(extra),
        attempts,
        False if dead_letter is None else _grave(dead_letter),
    )
    return _finish_call(queue, now_ms, end, options, fetch)


def retry_active_job(
    queue: QueueKeys,
    job_id: str,
    *,
    token: str,
    now_ms: int,
    lifo: bool = False,
    reason: str | None = None,
    stacktrace: Sequence[str] | None = None,
    fields: Mapping[str, str] | None = None,
    most: int = MOST_TOGETHER,
) -> Call[None]:
    """Put an active job back in line after a failed attempt: behind those who wait, or first with ``lifo``.

    Raises:
        JobNotFoundError, LockLostError, JobNotInStateError: it is not ours any more.
    """
    extra = _failure_fields(reason, stacktrace) | dict(fields or {})
    retry: dict[str, Any] = {
        "id": job_id,
        "token": token,
        "now": now_ms,
        "lifo": lifo,
        "fields": flatten(extra),
    }
    check = unless_negative(queue=queue.name, job_id=job_id, expected="active")

    def decode(reply: Any) -> None:
        check(reply[0])

    return item_call("retry_active_jobs", queue.base, pack(retry), decode, most)


def delay_active_job(
    queue: QueueKeys,
    job_id: str,
    *,
    token: str,
    delay_ms: int,
    now_ms: int,
    count_attempt: bool,
    reason: str | None = None,
    stacktrace: Sequence[str] | None = None,
    fields: Mapping[str, str] | None = None,
    fetch: FetchNext | None = None,
) -> Call[Fetched | None]:
    """Let an active job wait: backoff (counts an attempt) or at its processor's wish (does not).

    ``fetch`` takes the next job in the same call; on a queue of release 5 it takes none, as there.

    Raises:
        JobNotFoundError, LockLostError, JobNotInStateError: it is not ours any more.
    """
    extra = _failure_fields(reason, stacktrace) | dict(fields or {})
    taker = fetch.packed if fetch else ""
    return script_call(
        "delay_active_job",
        (queue.base,),
        (job_id, token, now_ms, delay_ms, "1" if count_attempt else "0", pack(flatten(extra)), taker),
        partial(_fetched_after, queue, job_id, now_ms, fetch),
    )


def return_job(queue: QueueKeys, job_id: str, *, token: str) -> Call[int]:
    """Give an active job back to the front of the line, no attempt counted.

    Returns for how many ms the queue is rate limited, 0 for not.

    Raises:
        JobNotFoundError, LockLostError: it is not ours any more.
    """
    check = unless_negative(queue=queue.name, job_id=job_id, expected="active")
    return script_call("return_job", (queue.base,), (job_id, token), check)


def wait_for_children(
    queue: QueueKeys, job_id: str, *, token: str, now_ms: int, child_key: str | None = None
) -> Call[bool]:
    """Let an active parent wait for its pending children, or for one of them by its full key.

    Returns False when nothing is pending: the job stays active and locked.

    Raises:
        FailedChildrenError: a child failed that fails its parent.
        JobNotFoundError, LockLostError, JobNotInStateError: it is not ours any more.
    """
    check = unless_negative(queue=queue.name, job_id=job_id, expected="active")
    return script_call("wait_for_children", (queue.base,), (job_id, token, now_ms, child_key or ""), check).map(
        lambda code: code == 0
    )


def renew_locks(queue: QueueKeys, locks: Sequence[tuple[str, str]], lock_ms: int) -> Call[Renewal]:
    """Renew the locks of these (job id, token) pairs."""
    packed = pack([list(pair) for pair in locks])

    def decode(reply: Any) -> Renewal:
        lost, stops = reply
        return Renewal(texts(lost), {text(job_id): text(reason) for job_id, reason in stops})

    return script_call("extend_locks", (queue.base,), (lock_ms, packed), decode)


def extend_lock(queue: QueueKeys, job_id: str, token: str, lock_ms: int) -> Call[bool]:
    """Renew one lock; False when it is not ours any more."""
    return renew_locks(queue, [(job_id, token)], lock_ms).map(lambda renewal: not renewal.lost)


def release_lock(queue: QueueKeys, job_id: str, token: str) -> Call[bool]:
    """Delete a job's lock if it is ours."""
    return script_call("release_lock", (queue.lock(job_id),), (token,), bool)


def move_stalled(
    queue: QueueKeys, *, max_stalled_count: int, now_ms: int, interval_ms: int, left: int = 0
) -> Call[tuple[list[str], int]]:
    """Take jobs back whose worker is gone, and suspect all that are active now; at most once an interval for the queue.

    A job that stalled more than ``max_stalled_count`` times is failed by the next worker that takes it. Returns the ids
    that went back to the front of the line, and how many active jobs the check has not looked at yet: call again with
    that number as ``left`` until it is 0.
    """
    return script_call(
        "move_stalled",
        (queue.base,),
        (max_stalled_count, now_ms, interval_ms, left),
        lambda reply: (texts(reply[0]), int(reply[1])),
    )


def show(queue: QueueKeys) -> Call[None]:
    """Do next to nothing, on the connection that bears a worker's name: from then on workers' listings show it."""
    return Call(("EXISTS", queue.key("marker")), lambda _: None, writes=False)


def wait_for_marker(queue: QueueKeys, timeout_s: float) -> Call[float | None]:
    """Block until there may be a job; needs a connection of its own.

    Returns the marker's score: 0 for "now", or the moment (ms) at which the earliest delayed job is due; None after the
    timeout.
    """

    def decode(reply: Any) -> float | None:
        return None if reply is None else float(reply[2])

    return Call(("BZPOPMIN", queue.key("marker"), timeout_s), decode, block_ms=int(timeout_s * 1000))


def _finish_call(
    queue: QueueKeys, now_ms: int, end: tuple[str, ...], options: tuple[Any, ...], fetch: FetchNext | None
) -> Call[Fetched | None]:
    """Describe the end of a job as `finish_one.lua` unpacks it: what all have, the taker, what few have."""
    taker, most = (_NO_TAKER, MOST_TOGETHER) if fetch is None else (fetch.packed, fetch.most)
    options = _shortened(options)
    item = _ARRAYS[len(end) + 1 + len(options)] + pack(end)[1:] + taker + pack(options)[1:]
    decode = partial(_only_fetched_after, queue, end[1], now_ms, fetch)
    return item_call("finish_jobs", queue.base, item, decode, most)


@lru_cache(maxsize=16)
def _six_from(now_ms: int) -> bytes:
    """Return the head of an end of six parts, and the moment, its first part, which many ends share."""
    return b"\x96" + pack(str(now_ms))


@lru_cache(maxsize=1024)
def _completed_under(token: str) -> bytes:
    """Return the third and the fourth part: a slot has one token for as long as it is busy."""
    return pack(token) + pack("completed")


@lru_cache(maxsize=64)
def _taker(lock_ms: int, limiter: RateLimit | None, worker: str | None) -> bytes:
    """Return what is the same for every job that a worker takes."""
    return FetchNext(lock_ms, limiter, worker).packed


def _shortened(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Leave out what is none at the end: Lua has it as nil, and each value costs Redis time."""
    size = len(values)
    while size and values[size - 1] is False:
        size -= 1
    return values[:size]


def _retention(keep: Keep) -> dict[str, Any]:
    retention: dict[str, Any] = {}
    if keep.count is not None:
        retention["count"] = keep.count
    if keep.age is not None:
        retention["age"] = to_ms(keep.age) / 1000
    if keep.limit is not None:
        retention["limit"] = keep.limit
    return retention


def _grave(dead_letter: DeadLetter) -> dict[str, str]:
    return {"base": dead_letter.queue.base, "origin": dead_letter.origin, "prefix": dead_letter.prefix}


def _failure_fields(reason: str | None, stacktrace: Sequence[str] | None) -> dict[str, str]:
    fields: dict[str, str] = {}
    if reason is not None:
        fields["failedReason"] = reason
    if stacktrace is not None:
        fields["stacktrace"] = dump_json(list(stacktrace))
    return fields


def _fetched(now_ms: int, worker: str | None, reply: Any) -> Fetched:
    if len(reply) > 2:  # where there is none, two numbers are told
        return Fetched(decode_taken(reply, now_ms, worker))
    limited_ms, next_due_ms = reply
    return Fetched(None, limited_ms, next_due_ms)


def _fetched_first(now_ms: int, worker: str | None, reply: Any) -> Fetched:
    return _fetched(now_ms, worker, reply[0])


def _fetched_after(queue: QueueKeys, job_id: str, now_ms: int, fetch: FetchNext | None, reply: Any) -> Fetched | None:
    if isinstance(reply, int):
        if reply < 0:
            raise job_error(reply, queue=queue.name, job_id=job_id, expected="active", action="it ran")
        return None
    return _fetched(now_ms, fetch.worker if fetch is not None else None, reply)


def _only_fetched_after(
    queue: QueueKeys, job_id: str, now_ms: int, fetch: FetchNext | None, reply: Any
) -> Fetched | None:
    return _fetched_after(queue, job_id, now_ms, fetch, reply[0])
