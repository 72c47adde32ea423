"""A queue as a whole: find it, read its counts and jobs, pause it, empty it.

Work over many jobs is a plan of bounded steps, each atomic; the plan may be stopped between any two of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from board.engine.calls import Batch, Call, Plan
from board.engine.codec import decode_job, integer, text
from board.engine.commands.script_call import script_call, texts
from board.engine.errors import InvalidOptionError, InvalidQueueNameError, QueueStateError
from board.engine.keys import STATE_CONTAINERS, QueueKeys
from board.engine.options import check_whole
from board.engine.types import JobCounts, JobData, JobState, QueueMeta

__all__ = [
    "STEP",
    "Metrics",
    "WorkerInfo",
    "clean",
    "client_rows",
    "count_per_priority",
    "discover",
    "drain",
    "get_counts",
    "get_ids",
    "get_jobs",
    "get_meta",
    "get_metrics",
    "list_workers",
    "obliterate",
    "pause",
    "promote_jobs",
    "read_page",
    "resume",
    "retry_jobs",
    "trim_events",
    "workers_in",
]

STEP = 100
"""Most jobs that one step of a long operation touches; so many hold Redis for about a millisecond."""

_MAX_DOUBLE = "1.7976931348623157e308"


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """A worker's blocking connection in CLIENT LIST.

    Attributes:
        name: the worker's own name, empty when it has none.
        address: where it connects from.
        age_s: seconds since it connected.
        idle_s: seconds since its last command.
        raw: all fields of the line.
    """

    name: str
    address: str
    age_s: int
    idle_s: int
    raw: dict[str, str]


@dataclass(frozen=True, slots=True)
class Metrics:
    """Counts of finished jobs per minute, newest first.

    Attributes:
        data: jobs per whole minute, the running one left out.
        count: all jobs counted so far.
        previous_ms: when the list was last rolled.
        points: how many minutes are kept.
    """

    data: tuple[int, ...]
    count: int
    previous_ms: int
    points: int


def get_meta(queue: QueueKeys) -> Call[QueueMeta]:
    """Read the conditions of a queue."""
    names = ("paused", "version", "concurrency", "max", "duration", "opts.maxLenEvents")

    def decode(reply: Any) -> QueueMeta:
        paused, version, concurrency, limit_max, duration, max_events = reply
        return QueueMeta(
            exists=any(value is not None for value in reply),
            paused=paused is not None,
            version=None if version is None else text(version),
            concurrency=integer(concurrency),
            limit_max=integer(limit_max),
            limit_duration_ms=integer(duration),
            max_events=integer(max_events),
        )

    return Call(("HMGET", queue.key("meta"), *names), decode, writes=False)


def get_counts(queue: QueueKeys) -> Call[JobCounts]:
    """Count the jobs of every state, in one atomic read. A key of a foreign type counts as 0."""
    return script_call(
        "read_counts", (queue.base,), (), lambda reply: JobCounts(*(int(number) for number in reply)), writes=False
    )


def get_ids(
    queue: QueueKeys, state: JobState, start: int = 0, end: int = -1, *, ascending: bool = True
) -> Call[list[str]]:
    """Read the ids ``start`` to ``end`` of a state; ascending is oldest (lists) or smallest score first."""
    return read_page(queue, STATE_CONTAINERS[state], start, end, ascending=ascending).map(
        lambda rows: [job_id for job_id, _ in rows]
    )


def read_page(
    queue: QueueKeys, container: str, start: int, end: int, *, ascending: bool
) -> Call[list[tuple[str, JobData | None]]]:
    """Read the jobs at ``start`` to ``end`` of a container with their hashes, in one atomic read.

    A job whose hash is gone comes as None, so that the page can say so.
    """

    def decode(reply: Any) -> list[tuple[str, JobData | None]]:
        return [(text(job_id), decode_job(text(job_id), fields)) for job_id, fields in reply]

    flag = "1" if ascending else "0"
    return script_call("read_jobs", (queue.base,), (container, start, end, flag), decode, writes=False)


def get_jobs(
    queue: QueueKeys, states: Sequence[JobState], start: int = 0, end: int = -1, *, ascending: bool = False
) -> Plan[list[JobData]]:
    """Read jobs ``start`` to ``end`` of each of the states; ids without a hash are left out.

    As BullMQ's ``getJobs``: the range holds for each state on its own. One round trip. Waiting jobs of a queue that
    release 5 paused are read from its ``paused`` list as well.
    """
    containers = [STATE_CONTAINERS[state] for state in states]
    if JobState.WAITING in states:
        containers.append("paused")
    pages: list[list[tuple[str, JobData | None]]] = yield from Batch.of(
        [read_page(queue, container, start, end, ascending=ascending) for container in containers]
    )
    return [job for page in pages for _, job in page if job is not None]


def count_per_priority(queue: QueueKeys, priorities: Sequence[int]) -> Plan[dict[int, int]]:
    """Count runnable jobs by priority; 0 counts the waiting list."""
    calls: list[Call[int]] = []
    for priority in priorities:
        if priority == 0:
            calls.append(get_counts(queue).map(lambda counts: counts.waiting + counts.paused))
        else:
            low, high = priority << 32, ((priority + 1) << 32) - 1
            calls.append(Call(("ZCOUNT", queue.key("prioritized"), low, high), int, writes=False))
    counts: list[int] = yield from Batch.of(calls)
    return dict(zip(priorities, counts, strict=True))


def pause(queue: QueueKeys) -> Plan[None]:
    """Let workers take no more jobs; those that run go on. Safe for queues of release 5 and 6, see the script."""
    while (yield from script_call("pause_queue", (queue.base,), (), int)) > 0:
        pass


def resume(queue: QueueKeys) -> Plan[None]:
    """Let workers take jobs again. Jobs that release 5 moved aside go back in line; none is overwritten."""
    first = "1"
    while (yield from script_call("resume_queue", (queue.base,), (first,), int)) > 0:
        first = "0"


def drain(queue: QueueKeys, *, delayed: bool = False) -> Plan[int]:
    """Remove everything that waits or is prioritized and, if asked, delayed; in steps of 100, oldest first.

    Active, ended and waiting-for-children jobs stay, and so do the pending runs of job schedulers. Jobs added meanwhile
    stay too. Returns how many were removed.
    """
    counts = yield from get_counts(queue)
    containers = [("wait", counts.waiting), ("paused", counts.paused), ("prioritized", counts.prioritized)]
    if delayed:
        containers.append(("delayed", counts.delayed))
    removed = 0
    for container, size in containers:
        left, skip = size, 0
        while left > 0:
            gone, kept = yield from script_call(
                "drain_queue", (queue.base,), (container, skip, min(STEP, left)), _two_numbers
            )
            if gone + kept == 0:
                break
            removed, skip, left = removed + gone, skip + kept, left - gone - kept
    return removed


def clean(queue: QueueKeys, grace_ms: int, limit: int, state: JobState | str, now_ms: int) -> Plan[list[str]]:
    """Remove jobs of one state that are older than ``grace_ms``, oldest first, at most ``limit`` (0 for all).

    Looks at 100 jobs a step. Locked jobs and the pending runs of job schedulers stay. Returns the removed ids.
    """
    container = _container_to_clean(state)
    check_whole("limit", limit, 0)
    removed: list[str] = []
    skip = 0
    announce = "1"
    while True:
        wanted = limit - len(removed) if limit else 0
        gone, kept, may_go_on = yield from script_call(
            "clean_jobs",
            (queue.base,),
            (container, now_ms - grace_ms, skip, STEP, wanted, announce),
            _cleaned,
        )
        removed += gone
        skip += kept
        announce = "0"
        if not may_go_on or (limit and len(removed) >= limit):
            return removed


def obliterate(queue: QueueKeys, *, force: bool = False) -> Plan[None]:
    """Pause a queue and delete it with everything in it, in steps of 100 jobs.

    Raises:
        QueueStateError: jobs are active and ``force`` is off; the queue stays paused.
    """
    yield from pause(queue)
    flag = "1" if force else "0"
    while True:
        code = yield from script_call("obliterate_queue", (queue.base,), (STEP, flag), int)
        if code == 0:
            return
        if code == -1:
            raise QueueStateError(f"queue {queue.name} was resumed while it was being obliterated")
        if code == -2:
            raise QueueStateError(f"queue {queue.name} has active jobs; wait for them or force it")


def retry_jobs(
    queue: QueueKeys,
    *,
    state: JobState = JobState.FAILED,
    count: int = STEP,
    before_ms: int,
) -> Plan[int]:
    """Make all jobs runnable again that ended in ``state`` until ``before_ms``; ``count`` a step, at most 100.

    Returns how many.
    """
    if state not in (JobState.FAILED, JobState.COMPLETED):
        raise InvalidOptionError("state", f"only failed and completed jobs can be retried, not {state}")
    return (yield from _in_steps(queue, STATE_CONTAINERS[state], count, str(before_ms)))


def promote_jobs(queue: QueueKeys, *, count: int = STEP) -> Plan[int]:
    """Make all delayed jobs runnable now, ``count`` a step; returns how many."""
    return (yield from _in_steps(queue, "delayed", count, _MAX_DOUBLE))


def trim_events(queue: QueueKeys, length: int) -> Call[int]:
    """Cut the events stream to about ``length`` entries; returns how many went."""
    check_whole("length", length, 0)
    return Call(("XTRIM", queue.key("events"), "MAXLEN", "~", length), int)


def get_metrics(queue: QueueKeys, state: JobState, start: int = 0, end: int = -1) -> Plan[Metrics]:
    """Read the per-minute counts of completed or failed jobs."""
    if state not in (JobState.FAILED, JobState.COMPLETED):
        raise InvalidOptionError("state", f"only completed and failed jobs are counted, not {state}")
    key = queue.key(f"metrics:{STATE_CONTAINERS[state]}")
    calls: list[Call[Any]] = [
        Call(("HMGET", key, "count", "prevTS"), list, writes=False),
        Call(("LRANGE", f"{key}:data", start, end), list, writes=False),
        Call(("LLEN", f"{key}:data"), int, writes=False),
    ]
    replies: list[Any] = yield from Batch.of(calls)
    (count, previous), data, points = replies
    return Metrics(tuple(integer(item) or 0 for item in data), integer(count) or 0, integer(previous) or 0, points)


def list_workers(queue: QueueKeys) -> Call[list[WorkerInfo]]:
    """List the workers of a queue by the names of their blocking connections, as Node's ``getWorkers`` does."""
    return Call(("CLIENT", "LIST"), lambda reply: workers_in(reply, queue), writes=False)


def workers_in(client_list: Any, queue: QueueKeys) -> list[WorkerInfo]:
    """Pick the workers of one queue out of a CLIENT LIST reply."""
    names = queue.client_name, f"{queue.prefix}:{queue.name}"
    found: list[WorkerInfo] = []
    for row in client_rows(client_list):
        name = row.get("name", "")
        own = next((name.removeprefix(f"{known}:w:") for known in names if name.startswith(f"{known}:w:")), None)
        if own is None and name in names:
            own = ""
        if own is not None:
            found.append(
                WorkerInfo(own, row.get("addr", ""), integer(row.get("age")) or 0, integer(row.get("idle")) or 0, row)
            )
    return found


def client_rows(client_list: Any) -> list[dict[str, str]]:
    """Return the lines of a CLIENT LIST reply as mappings."""
    if isinstance(client_list, list):
        return [{text(key): text(value) for key, value in row.items()} for row in client_list]
    lines = text(client_list).splitlines()
    return [dict(part.partition("=")[::2] for part in line.split(" ") if "=" in part) for line in lines]


def discover(prefix: str, cursor: int = 0, count: int = 1000) -> Call[tuple[int, list[QueueKeys]]]:
    """Make one step of looking for queues under a prefix, by their meta hashes; 0 as next cursor ends the search.

    ``prefix`` is taken literally. Never KEYS: each step looks at about ``count`` keys.
    """
    escaped = "".join(f"\\{char}" if char in "*?[]\\^" else char for char in prefix)

    def decode(reply: Any) -> tuple[int, list[QueueKeys]]:
        queues = []
        for key in texts(reply[1]):
            name = key[len(prefix) + 1 : -len(":meta")]
            try:
                queues.append(QueueKeys(prefix, name))
            except InvalidQueueNameError:
                continue
        return int(reply[0]), queues

    return Call(("SCAN", cursor, "MATCH", f"{escaped}:*:meta", "COUNT", count, "TYPE", "hash"), decode, writes=False)


def _in_steps(queue: QueueKeys, container: str, count: int, max_score: str) -> Plan[int]:
    check_whole("count", count, 1)
    total = 0
    while True:
        moved = yield from script_call("retry_jobs", (queue.base,), (container, count, max_score), int)
        total += moved
        if moved < min(count, STEP):
            return total


def _container_to_clean(state: JobState | str) -> str:
    if state == "paused":
        return "paused"
    try:
        container = STATE_CONTAINERS[JobState("waiting" if state == "wait" else state)]
    except (ValueError, KeyError):
        container = ""
    if container in ("", "waiting-children"):
        allowed = "completed, failed, waiting, active, paused, delayed, prioritized"
        raise InvalidOptionError("state", f"jobs to clean are {allowed}, not {state}")
    return container


def _two_numbers(reply: Any) -> tuple[int, int]:
    return int(reply[0]), int(reply[1])


def _cleaned(reply: Any) -> tuple[list[str], int, int]:
    return texts(reply[0]), int(reply[1]), int(reply[2])
