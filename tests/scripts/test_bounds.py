"""Work on many jobs goes in steps: counted in jobs, never in time. How long a step takes is for ``bench.scripts``."""

from typing import Any

import redis

from board.engine.commands import leases, queues
from board.engine.connection.sync import Connection
from board.engine.keys import QueueKeys
from board.engine.types import JobState, Keep

QUEUE = QueueKeys("bull", "mail")
MANY = 600
NOW = 1_700_000_000_000
STEP = queues.STEP
BESIDE = 100
"""Beside what it was asked for, a run of a script promotes so many jobs, and evicts so many."""


def fill(client: redis.Redis, state: JobState, scores: int = NOW) -> list[str]:
    """Write many jobs in one state; returns their ids, oldest first."""
    ids = [str(number) for number in range(MANY)]
    with client.pipeline(transaction=False) as pipe:
        for job_id in ids:
            pipe.hset(QUEUE.job(job_id), mapping={"name": "x", "data": "{}", "opts": "{}", "timestamp": NOW})
        if state is JobState.ACTIVE:
            pipe.lpush(QUEUE.container(state), *ids)
        else:
            pipe.zadd(QUEUE.container(state), {job_id: scores + int(job_id) for job_id in ids})
        pipe.execute()
    return ids


def check(wire: Connection, client: redis.Redis) -> tuple[list[str], list[int]]:
    """Look for stalled jobs until the check is through; returns the ids taken back and the size of each step."""
    client.delete(QUEUE.key("stalled-check"))
    taken: list[str] = []
    steps: list[int] = []
    left = 0
    while left or not steps:
        call = leases.move_stalled(QUEUE, max_stalled_count=1, now_ms=NOW, interval_ms=60_000, left=left)
        before = left or MANY
        some, left = wire.call(call)
        taken += some
        steps.append(before - left)
    return taken, steps


def test_a_check_for_stalled_jobs_takes_many_back_in_steps(redis_url: str, redis_client: redis.Redis) -> None:
    ids = fill(redis_client, JobState.ACTIVE)
    held = set(ids[::3])
    for job_id in held:
        redis_client.set(QUEUE.lock(job_id), "t")
    with Connection.open(redis_url) as wire:
        first, steps = check(wire, redis_client)
        order: Any = redis_client.lrange(QUEUE.container(JobState.ACTIVE), 0, -1)
        second, _ = check(wire, redis_client)

    assert first == []
    assert steps == [STEP, STEP, MANY - 2 * STEP]
    assert [text(item) for item in order] == ids[::-1]
    assert second == [job_id for job_id in ids if job_id not in held]
    left: Any = redis_client.lrange(QUEUE.container(JobState.ACTIVE), 0, -1)
    assert [text(item) for item in left] == [job_id for job_id in reversed(ids) if job_id in held]
    assert redis_client.llen(QUEUE.container(JobState.WAITING)) == len(second)


def test_a_fetch_promotes_so_many_jobs_that_are_due(redis_url: str, redis_client: redis.Redis) -> None:
    fill(redis_client, JobState.DELAYED, scores=(NOW - 1000) * 4096)
    with Connection.open(redis_url) as wire:
        for left in range(MANY - BESIDE, -1, -BESIDE):
            wire.call(leases.fetch_job(QUEUE, token="t", lock_ms=60_000, now_ms=NOW))
            assert redis_client.zcard(QUEUE.container(JobState.DELAYED)) == left


def test_an_end_evicts_so_many_jobs_by_count_and_by_age(redis_url: str, redis_client: redis.Redis) -> None:
    for keep in (Keep(count=1), Keep(age=1000)):
        redis_client.flushdb()
        fill(redis_client, JobState.COMPLETED, scores=NOW - 100_000)
        redis_client.hset(QUEUE.job("mine"), mapping={"name": "x", "data": "{}", "opts": "{}", "timestamp": NOW})
        redis_client.lpush(QUEUE.container(JobState.WAITING).replace("waiting", "wait"), "mine")
        with Connection.open(redis_url) as wire:
            wire.call(leases.fetch_job(QUEUE, token="t", lock_ms=60_000, now_ms=NOW))
            wire.call(leases.complete_job(QUEUE, "mine", token="t", return_text="1", now_ms=NOW, keep=keep))

        assert redis_client.zcard(QUEUE.container(JobState.COMPLETED)) == MANY + 1 - BESIDE


def text(value: bytes | str) -> str:
    """Return a reply as text."""
    return value.decode() if isinstance(value, bytes) else value
