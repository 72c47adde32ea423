"""Checks of the queues and of a sample of their jobs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from board.doctor.finding import Finding, Verdict
from board.engine.calls import Call
from board.engine.errors import EngineError
from board.engine.keys import QueueKeys
from board.engine.types import JobState
from board.queries.monitor import QueueFigures, read_monitor
from board.queries.shared import together
from board.service import Service
from board.spans import duration
from board.words import Count, Sentence, clauses, listed, mark, sentence

__all__ = ["CHECKS", "MOST_QUEUES", "Sample", "look"]

MOST_QUEUES = 100
JOBS = 10
"""Newest jobs of a state that are looked at."""

LARGE_BYTES = 64 * 1024
LONG_STREAM = 20_000
MANY_KEPT = 1_000
OLD_FAILURE_MS = 7 * 86_400_000
LATE_MS = 60_000
SKEW_MS = 5_000


TOO_OFTEN = re.compile(r"\b429\b|too many requests|rate.?limit", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Job:
    name: str
    state: JobState
    options: dict[str, Any]
    created_at_ms: int
    stalls: int
    data_bytes: int
    reason: str


@dataclass(frozen=True, slots=True)
class _Queue:
    figures: QueueFigures
    oldest_failed_at_ms: int | None
    late_schedulers: tuple[str, ...]
    is_watched: bool
    stream_length: int
    release: str
    is_limited: bool
    jobs: tuple[_Job, ...]

    @property
    def name(self) -> str:
        return self.figures.queue.name


@dataclass(frozen=True, slots=True)
class Sample:
    """What was seen of the queues.

    Attributes:
        queues: at most ``MOST_QUEUES``, those with most open jobs.
        now_ms: by the clock of Redis.
        own_ms: by the clock of the board at that moment.
    """

    queues: tuple[_Queue, ...]
    now_ms: int
    own_ms: int


def look(service: Service) -> Sample:
    """Take a sample in three round trips.

    Raises:
        StoreError: Redis is away.
    """
    found = service.sources.list()
    reading = read_monitor(service.connection, found.queues, now_ms=service.clock(), is_complete=found.is_complete)
    figures = reading.queues[:MOST_QUEUES]
    own_ms = service.clock()
    now_ms = service.connection.call(Call(("TIME",), _time_ms, writes=False))
    calls = [call for one in figures for call in _of_queue(one.queue, now_ms)]
    replies = service.connection.batch(together(calls)) if calls else []
    width = len(calls) // max(1, len(figures))
    heads = [[_or_none(reply) for reply in replies[at * width : (at + 1) * width]] for at in range(len(figures))]
    wanted = [
        (at, state, job_id)
        for at, head in enumerate(heads)
        for state, ids in zip((JobState.WAITING, JobState.COMPLETED, JobState.FAILED), head[:3], strict=True)
        for job_id in ids or ()
    ]
    reads = [
        call
        for at, _, job_id in wanted
        for call in (
            Call(
                ("HMGET", figures[at].queue.job(job_id), "name", "opts", "timestamp", "stc", "failedReason"),
                _texts,
                writes=False,
            ),
            Call(("HSTRLEN", figures[at].queue.job(job_id), "data"), int, writes=False),
        )
    ]
    values = service.connection.batch(together(reads)) if reads else []
    jobs: list[list[_Job]] = [[] for _ in figures]
    for (at, state, _), fields, size in zip(wanted, values[::2], values[1::2], strict=True):
        if not isinstance(fields, EngineError) and not isinstance(size, EngineError) and fields[0] is not None:
            whole = (_whole(fields[2]), _whole(fields[3]))
            jobs[at].append(_Job(fields[0], state, _options(fields[1]), *whole, size, fields[4] or ""))
    return Sample(tuple(_queue(*one) for one in zip(figures, heads, jobs, strict=True)), now_ms, own_ms)


def workers(sample: Sample) -> Finding:
    """Whether every queue with waiting jobs has a worker."""
    lone = [
        sentence("%(queue)s has none, %(n)s waiting", queue=one.name, n=Count(one.figures.counts.behind))
        for one in sample.queues
        if one.figures.workers == 0 and one.figures.counts.behind and not one.figures.is_paused
    ]
    return _told(
        "workers", lone, sentence("every queue with waiting jobs has one"), sentence("Start a worker."), Verdict.FAILURE
    )


def stalled_checks(sample: Sample) -> Finding:
    """Whether somebody takes back the jobs of workers that were lost."""
    unwatched = [one.name for one in sample.queues if one.figures.counts.active and not one.is_watched]
    remedy = sentence("Leave the check for stalled jobs on in at least one worker of each queue.")
    return _told("stalled checks", unwatched, sentence("they run wherever jobs are active"), remedy)


def stalls(sample: Sample) -> Finding:
    """Whether jobs have lost their workers."""
    found = _names(sample, lambda job: job.stalls > 0)
    remedy = sentence("Look for workers that crash or whose event loop is blocked; run CPU-bound work in processes.")
    return _told("stalls", found, sentence("no job of the sample has stalled"), remedy)


def retention(sample: Sample) -> Finding:
    """Whether finished jobs are kept within a limit."""
    endless = []
    for one in sample.queues:
        for state, option in ((JobState.COMPLETED, "removeOnComplete"), (JobState.FAILED, "removeOnFail")):
            count = one.figures.counts.of(state.value)
            kept = [job for job in one.jobs if job.state is state and job.options.get(option) in (None, False)]
            if kept and count >= MANY_KEPT:
                values = {"queue": one.name, "n": Count(count)}
                endless.append(
                    sentence("%(queue)s keeps all, %(n)s completed", **values)
                    if state is JobState.COMPLETED
                    else sentence("%(queue)s keeps all, %(n)s failed", **values)
                )
    remedy = sentence(
        "Set removeOnComplete and removeOnFail (Python: remove_on_complete, remove_on_fail), or clean the queue."
    )
    return _told("retention", endless, sentence("no queue grows without end"), remedy)


def attempts(sample: Sample) -> Finding:
    """Whether a job that fails once is tried again."""
    found = _names(sample, lambda job: _whole(job.options.get("attempts")) < 2)
    return _told(
        "attempts", found, sentence("all jobs of the sample may try again"), sentence("Set attempts, with a backoff.")
    )


def backoff(sample: Sample) -> Finding:
    """Whether jobs wait before they try again."""
    found = _names(sample, lambda job: _whole(job.options.get("attempts")) > 1 and not job.options.get("backoff"))
    return _told("backoff", found, sentence("all jobs of the sample that retry also wait"), sentence("Set a backoff."))


def limiters(sample: Sample) -> Finding:
    """Whether queues whose jobs are refused for coming too often keep a limit themselves."""
    found = [
        one.name
        for one in sample.queues
        if not one.is_limited and any(job.state is JobState.FAILED and TOO_OFTEN.search(job.reason) for job in one.jobs)
    ]
    remedy = sentence("Limit the workers (limiter), or the queue, to what the other side takes.")
    return _told("limiters", found, sentence("no job of the sample failed for coming too often"), remedy)


def payloads(sample: Sample) -> Finding:
    """Whether data are small enough for Redis to carry them about."""
    found = _names(sample, lambda job: job.data_bytes > LARGE_BYTES)
    return _told(
        "payloads",
        found,
        sentence("all data of the sample are under 64 KB"),
        sentence("Store a reference to large data instead."),
    )


def streams(sample: Sample) -> Finding:
    """Whether the streams of events are trimmed."""
    long = [
        sentence("%(queue)s has %(n)s events", queue=one.name, n=Count(one.stream_length))
        for one in sample.queues
        if one.stream_length > LONG_STREAM
    ]
    return _told(
        "events", long, sentence("no stream is long"), sentence("Set a limit: streams.events.maxLen of the Node queue.")
    )


def old_failures(sample: Sample) -> Finding:
    """Whether somebody looks after failed jobs."""
    left = [
        sentence(
            "%(queue)s has one of %(time)s ago",
            queue=one.name,
            time=duration(sample.now_ms - one.oldest_failed_at_ms),
        )
        for one in sample.queues
        if one.oldest_failed_at_ms and sample.now_ms - one.oldest_failed_at_ms > OLD_FAILURE_MS
    ]
    remedy = sentence("Retry or remove them, or give the workers a dead-letter queue.")
    return _told("failed jobs", left, sentence("none is older than a week"), remedy)


def schedulers(sample: Sample) -> Finding:
    """Whether schedulers keep their times."""
    late = [
        sentence("%(queue)s: %(scheduler)s", queue=one.name, scheduler=key)
        for one in sample.queues
        for key in one.late_schedulers
    ]
    return _told(
        "schedulers",
        late,
        sentence("none is late"),
        sentence("A scheduler stands still without a worker on its queue."),
    )


def clocks(sample: Sample) -> Finding:
    """Whether all machines have the same time."""
    ahead = max((job.created_at_ms - sample.now_ms for one in sample.queues for job in one.jobs), default=0)
    own = abs(sample.own_ms - sample.now_ms)
    found = [sentence("a producer is %(time)s ahead of Redis", time=duration(ahead))] if ahead > SKEW_MS else []
    found += [sentence("this board is %(time)s off", time=duration(own))] if own > SKEW_MS else []
    return _told(
        "clocks",
        found,
        sentence("none is more than 5 s ahead of Redis"),
        sentence("Set the clocks by NTP: delays depend on them."),
    )


def releases(sample: Sample) -> Finding:
    """Whether all queues are written by one release of BullMQ."""
    found = sorted({one.release.partition(".")[0] for one in sample.queues if one.release})
    if not found:
        return Finding("releases", Verdict.OK, sentence("no client wrote its release"))
    if len(found) > 1:
        said = sentence("they are written by %(releases)s", releases=listed(found))
        return Finding("releases", Verdict.WARNING, said, sentence("Bring all clients to one major release."))
    return Finding("releases", Verdict.OK, sentence("all are written by %(release)s", release=found[0]))


CHECKS: tuple[Callable[[Sample], Finding], ...] = (
    workers,
    stalled_checks,
    stalls,
    retention,
    attempts,
    backoff,
    limiters,
    payloads,
    streams,
    old_failures,
    schedulers,
    clocks,
    releases,
)
"""In the order they are told."""


LEADS = {
    "stalled checks": mark("nobody checks %(names)s"),
    "stalls": mark("have stalled: %(names)s"),
    "attempts": mark("run only once: %(names)s"),
    "backoff": mark("retry at once: %(names)s"),
    "limiters": mark("asks too often, without a limit: %(names)s"),
    "payloads": mark("carry over 64 KB: %(names)s"),
    "schedulers": mark("late: %(names)s"),
}
"""What is said of those that are only named."""


def _told(
    name: str,
    found: Sequence[str],
    fine: Sentence,
    remedy: Sentence,
    verdict: Verdict = Verdict.WARNING,
) -> Finding:
    if not found:
        return Finding(name, Verdict.OK, fine)
    names = clauses(found[:3])
    if len(found) > 3:
        names = sentence("%(names)s, and %(n)s more", names=names, n=Count(len(found) - 3))
    return Finding(name, verdict, sentence(LEADS[name], names=names) if name in LEADS else names, remedy)


def _names(sample: Sample, is_bad: Callable[[_Job], bool]) -> list[Sentence]:
    """Name the kinds of jobs of which one is bad, each once."""
    return list(
        dict.fromkeys(
            sentence("%(job)s in %(queue)s", job=job.name, queue=one.name)
            for one in sample.queues
            for job in one.jobs
            if is_bad(job)
        )
    )


def _of_queue(queue: QueueKeys, now_ms: int) -> list[Call[Any]]:
    """Describe the reads of one queue, in the order ``_queue`` takes them."""
    failed = queue.container(JobState.FAILED)
    return [
        Call(("LRANGE", queue.container(JobState.WAITING), 0, JOBS - 1), _ids, writes=False),
        Call(("ZREVRANGE", queue.container(JobState.COMPLETED), 0, JOBS - 1), _ids, writes=False),
        Call(("ZREVRANGE", failed, 0, JOBS - 1), _ids, writes=False),
        Call(("ZRANGE", failed, 0, 0, "WITHSCORES"), _score, writes=False),
        Call(("ZRANGEBYSCORE", queue.key("repeat"), "-inf", now_ms - LATE_MS, "LIMIT", 0, 5), _ids, writes=False),
        Call(("EXISTS", queue.key("stalled-check")), bool, writes=False),
        Call(("XLEN", queue.key("events")), int, writes=False),
        Call(("HMGET", queue.key("meta"), "version", "max", "concurrency"), _texts, writes=False),
    ]


def _queue(figures: QueueFigures, head: list[Any], jobs: list[_Job]) -> _Queue:
    _, _, _, oldest, late, watched, length, meta = head
    release, *limits = meta or [None]
    is_limited = any(limits) or figures.limited_ms is not None
    return _Queue(
        figures, oldest, tuple(late or ()), bool(watched), length or 0, release or "", is_limited, tuple(jobs)
    )


def _or_none(reply: Any) -> Any:
    return None if isinstance(reply, EngineError) else reply


def _ids(reply: Iterable[Any]) -> list[str]:
    return [_text(one) for one in reply if _text(one) and not _text(one).startswith("0:")]


def _score(reply: Any) -> int | None:
    if not reply:
        return None
    last = reply[-1]
    return int(float(last[1] if isinstance(last, (list, tuple)) else last))


def _texts(reply: Iterable[Any]) -> list[str | None]:
    return [None if one is None else _text(one) for one in reply]


def _text(value: Any) -> str:
    return "" if value is None else value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _time_ms(reply: Any) -> int:
    return int(reply[0]) * 1000 + int(reply[1]) // 1000


def _options(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _whole(value: Any) -> int:
    try:
        return int(value or 0)
    except (ValueError, TypeError, OverflowError):
        return 0
