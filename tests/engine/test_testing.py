"""The helpers that programs test their processors with."""

import asyncio

import pytest

from board.engine import AsyncJob, AsyncWorker, Backoff, Job, Queue, Worker
from board.engine.testing import Outcome, work_off, work_off_async


def double(job: Job) -> int:
    if job.name == "bad":
        raise ValueError("boom")
    return 2 * int(job.data["n"])


async def double_async(job: AsyncJob) -> int:
    return double(job)  # type: ignore[arg-type] # it uses only what both kinds of job show


def add_two(url: str, prefix: str) -> None:
    with Queue("mail", connection=url, prefix=prefix) as queue:
        queue.add("x", {"n": 4})
        queue.add("bad", {}, attempts=2, backoff=Backoff.fixed(20))


def test_a_queue_is_worked_off_and_its_outcomes_told(redis_url: str, prefix: str) -> None:
    add_two(redis_url, prefix)

    outcomes = work_off(Worker("mail", double, connection=redis_url, prefix=prefix))

    assert outcomes[0] == Outcome("1", "x", result=8)
    assert [str(outcome.error) for outcome in outcomes[1:]] == ["boom", "boom"]


def test_a_queue_is_worked_off_in_a_loop_too(redis_url: str, prefix: str) -> None:
    add_two(redis_url, prefix)

    async def whole() -> list[Outcome]:
        return await work_off_async(AsyncWorker("mail", double_async, connection=redis_url, prefix=prefix))

    assert [outcome.job_id for outcome in asyncio.run(whole())] == ["1", "2", "2"]


def test_what_is_not_done_in_time_is_an_error(redis_url: str, prefix: str) -> None:
    with Queue("mail", connection=redis_url, prefix=prefix) as queue:
        queue.add("x", {}, delay=600_000)

    with pytest.raises(TimeoutError):
        work_off(Worker("mail", double, connection=redis_url, prefix=prefix), timeout=30)
    assert work_off(Worker("mail", double, connection=redis_url, prefix=prefix), delayed=False, timeout=60_000) == []
