"""A Redis without memory, a clock that is wrong by ten minutes, a processor that blocks its event loop."""

import contextlib
import logging
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
import redis

from board.engine import JobState, Queue, Worker
from board.engine.errors import OutOfMemoryError
from board.engine.keys import QueueKeys
from tests.engine.fronts import RENEWING, AsyncioFront, Front, Renewals, ThreadFront, behaviour, count_is, ended
from tests.engine.test_control import Gate
from tests.faults.fleet import OPTIONS, Fleet, add_all, look_at
from tests.interop.our_worker import our_worker
from tests.servers import Server
from tests.waiting import PATIENCE_S, wait_until, wait_until_async

TEN_MINUTES_MS = 600_000
SLOTS = 5
LOAD = QueueKeys("bull", "load")


@pytest.mark.parametrize("make", [ThreadFront, AsyncioFront], ids=["threads", "asyncio"])
@behaviour
async def test_a_full_redis_refuses_jobs_with_advice_and_loses_none_that_it_took(
    make: Callable[[str], Front], fresh_server: Callable[..., Server]
) -> None:
    server = fresh_server()
    gate = Gate()
    with contextlib.closing(server.client()) as client:
        async with make(server.url) as front:
            queue = front.queue("mail")
            ids = [job.id for job in await queue.add_bulk([("x", number) for number in range(20)])]
            worker = front.worker("mail", gate)
            errors: list[Exception] = []
            worker.on("error", errors.append)
            await worker.start()
            await gate.holds()

            client.config_set("maxmemory", 1)
            with pytest.raises(OutOfMemoryError, match=r"maxmemory: give it more, or clean finished jobs"):
                await queue.add("x")
            gate.opened.set()
            await wait_until_async(lambda: errors, "the worker to meet the full Redis")
            client.config_set("maxmemory", 0)

            await count_is(queue, JobState.COMPLETED, len(ids))
            assert gate.entered == ids
            assert {type(error) for error in errors} == {OutOfMemoryError}
            later = await queue.add("x")
            await ended(queue, later.id)


@pytest.mark.slow
@pytest.mark.parametrize("front", ["threads", "asyncio"])
@pytest.mark.parametrize("jump_ms", [TEN_MINUTES_MS, -TEN_MINUTES_MS], ids=["forward", "back"])
def test_a_worker_whose_clock_jumps_loses_no_job_and_runs_none_twice(redis_url: str, front: str, jump_ms: int) -> None:
    ids = [f"job-{number}" for number in range(4 * SLOTS)]
    add_all(redis_url, LOAD, ids)
    with (
        Fleet(redis_url, "load", seconds=2, options=OPTIONS | {"concurrency": SLOTS} | RENEWING) as fleet,
        Queue("load", connection=redis_url) as queue,
        contextlib.closing(redis.Redis.from_url(redis_url, decode_responses=True)) as client,
    ):
        jumping, steady = fleet.start(front, front, jump_ms=jump_ms)
        wait_until(lambda: jumping.runs() and steady.runs(), "both workers to run jobs")

        jumping.jump()
        locks = {one: Renewals(client, LOAD.lock(one)) for one in ids}
        wait_until(lambda: any(locks[run.job_id]() for run in jumping.runs()), "its locks to be renewed after the jump")

        wait_until(lambda: queue.get_job_counts("completed")["completed"] == len(ids), "the jobs to complete")
        outcome = look_at(fleet, client, LOAD, ids)
        assert outcome.twice == []
        assert len(jumping.runs()) > SLOTS, "it took no more jobs after the jump"


@pytest.mark.slow
@pytest.mark.parametrize("front", ["threads", "asyncio"])
def test_a_delayed_job_is_due_by_the_clock_of_the_worker_that_looks(redis_url: str, front: str) -> None:
    with (
        Fleet(redis_url, "load", options=OPTIONS | {"drain_delay": 100, "concurrency": 1}) as fleet,
        Queue("load", connection=redis_url) as queue,
    ):
        late = queue.add("load", delay=timedelta(minutes=9))
        early = queue.add("load", delay=timedelta(minutes=8))
        (punctual,) = fleet.start(front)
        now = queue.add("load")
        wait_until(lambda: queue.get_job_state(now.id) is JobState.COMPLETED, "a job without delay to complete")
        assert queue.get_job_counts("delayed")["delayed"] == 2
        fleet.kill(punctual)  # it would take what the other makes waiting

        (ahead,) = fleet.start(front, jump_ms=TEN_MINUTES_MS)
        ahead.jump()

        wait_until(lambda: queue.get_job_counts("completed")["completed"] == 3, "the delayed jobs to complete")
        assert [run.job_id for run in ahead.runs()] == [early.id, late.id]
        assert [run.job_id for run in punctual.runs()] == [now.id]


def test_a_blocked_event_loop_is_logged_and_the_second_run_is_not_silent(
    redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    runs_here, has_ended_elsewhere = threading.Event(), threading.Event()

    def block_the_loop(_job: object) -> str:
        runs_here.set()
        has_ended_elsewhere.wait(PATIENCE_S)
        return "first"

    with (
        caplog.at_level(logging.WARNING),
        Queue("mail", connection=redis_url) as queue,
        our_worker("asyncio", "mail", block_the_loop, redis_url, lock_duration=400, stalled_interval=10_000) as first,
    ):
        job = queue.add("x")
        assert runs_here.wait(PATIENCE_S)
        stalled: list[str] = []
        with Worker("mail", lambda _job: "second", connection=redis_url, stalled_interval=100) as other:
            other.on("stalled", lambda job_id, _previous: stalled.append(job_id))
            wait_until(lambda: queue.get_job_state(job.id) is JobState.COMPLETED, "the job to complete")
        has_ended_elsewhere.set()  # not before: while the other still holds the job, the report names its lock instead
        wait_until(
            lambda: "has no lock: it expired while it ran" in caplog.text,
            "the first worker to report its lost lock",
        )

        found = queue.get_job(job.id)
        assert found is not None
        assert (found.return_value, found.info.stalled_count, first) == ("second", 1, [])
        assert stalled == [job.id]
        assert "the event loop is blocked, so locks are not renewed" in caplog.text
        assert "in block_the_loop" in caplog.text
