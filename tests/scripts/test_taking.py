"""However a job is taken, and whatever is stored of it, the worker is told what then stands in Redis."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import redis

from board.engine.calls import Call
from board.engine.codec import decode_job
from board.engine.commands import leases
from board.engine.commands.leases import FetchNext
from board.engine.connection.sync import Connection
from board.engine.keys import QueueKeys
from board.engine.types import JobData, RateLimit
from tests.scripts.runs import NOW, add, complete, run, take_all

LIMITER = RateLimit(max=5, duration=60_000)


def alone(connection: Connection, calls: Sequence[Call[Any]]) -> list[JobData | None]:
    """Make calls that bring a job each, one after the other."""
    return [connection.call(call).job for call in calls]


def in_one_run(connection: Connection, calls: Sequence[Call[Any]]) -> list[JobData | None]:
    """Make them in one run."""
    return [call.decode([reply]).job for call, reply in zip(calls, run(connection, calls), strict=True)]


def fetches(queue: QueueKeys, _busy: Sequence[str], following: FetchNext) -> list[Call[Any]]:
    """Describe two takers."""
    return [
        leases.fetch_job(
            queue, token=token, lock_ms=9_000, now_ms=NOW, limiter=following.limiter, worker=following.worker
        )
        for token in ("a", "b")
    ]


def ends(queue: QueueKeys, busy: Sequence[str], following: FetchNext) -> list[Call[Any]]:
    """Describe two ends that take the next."""
    return [complete(queue, job_id, fetch=following) for job_id in busy]


def delays(queue: QueueKeys, busy: Sequence[str], following: FetchNext) -> list[Call[Any]]:
    """Describe two that wait for a while, and take the next."""
    return [
        leases.delay_active_job(
            queue, job_id, token=f"t{job_id}", delay_ms=60_000, now_ms=NOW, count_attempt=True, fetch=following
        )
        for job_id in busy
    ]


Calls = Callable[[QueueKeys, Sequence[str], FetchNext], list[Call[Any]]]
Drive = Callable[[Connection, Sequence[Call[Any]]], list[JobData | None]]

WAYS: dict[str, tuple[Calls, Drive]] = {
    "fetched alone": (fetches, alone),
    "fetched in one run": (fetches, in_one_run),
    "after an end": (ends, alone),
    "after ends of one run": (ends, in_one_run),
    "after a delay": (delays, alone),
}


@pytest.fixture(params=list(WAYS.values()), ids=list(WAYS))
def take_two(
    request: pytest.FixtureRequest, connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> Callable[..., JobData]:
    """Takes two jobs, of which the second is stored with other fields; returns what is told of it."""
    describe, drive = request.param

    def take(absent: Sequence[str], fields: dict[str, str], following: FetchNext) -> JobData:
        for _ in range(2):
            add(connection, queue)
        busy = take_all(connection, queue)
        add(connection, queue)
        odd = add(connection, queue)
        if absent:
            redis_client.hdel(queue.job(odd), *absent)
        if fields:
            stored: Any = fields
            redis_client.hset(queue.job(odd), mapping=stored)
        told: JobData | None = drive(connection, describe(queue, busy, following))[1]
        assert told is not None
        assert told.id == odd
        return told

    return take


@pytest.mark.parametrize("worker", [None, "somebody"])
@pytest.mark.parametrize(
    ("absent", "fields"),
    [
        ((), {}),
        ((), {"deid": "once"}),
        ((), {"ats": "1", "processedOn": "1", "pb": "another"}),
        (("priority",), {}),
        (("priority",), {"defa": "stopped"}),
        (("delay",), {"ats": "2"}),
        (("opts",), {"atm": "1"}),
        (("timestamp",), {"stc": "1"}),
        (("data",), {"rjk": "hourly"}),
        (("name",), {"progress": "5"}),
        (("name", "data", "opts", "timestamp", "delay", "priority"), {str(number): "x" for number in range(6)}),
    ],
)
def test_what_is_told_of_a_job_is_what_stands_in_redis(  # noqa: PLR0917 - fixtures and parameters
    take_two: Callable[..., JobData],
    queue: QueueKeys,
    redis_client: redis.Redis,
    absent: Sequence[str],
    fields: dict[str, str],
    worker: str | None,
) -> None:
    told = take_two(absent, fields, FetchNext(60_000, worker=worker))

    assert told == decode_job(told.id, redis_client.hgetall(queue.job(told.id)))
    assert told.processed_on_ms == NOW
    assert told.attempts_started == int(fields.get("ats", "0")) + 1
    assert told.deferred_failure == fields.get("defa")


def test_a_job_that_fails_without_running_is_not_counted_as_a_start(
    take_two: Callable[..., JobData], queue: QueueKeys, redis_client: redis.Redis
) -> None:
    told = take_two(["priority"], {"defa": "stopped"}, FetchNext(60_000, LIMITER))

    assert told.deferred_failure == "stopped"
    assert redis_client.get(queue.key("limiter")) == "1"  # the other one
