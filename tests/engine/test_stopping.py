"""Cancelling a job in its worker, and asking for it to be stopped from elsewhere."""

import asyncio
import threading
from typing import Any

import pytest

from board.engine import AsyncJob, AsyncQueue, AsyncWorker, JobState
from board.engine.errors import JobNotFoundError, JobNotInStateError, NotStoppableError
from tests.engine.fronts import RENEWING, AsyncioFront, Front, behaviour, ended
from tests.engine.test_control import Gate
from tests.waiting import PATIENCE_S, wait_until_async


@behaviour
async def test_a_cancelled_job_fails_its_attempt(front: Front) -> None:
    entered: list[str] = []

    async def process(job: AsyncJob) -> None:
        entered.append(job.id)

        def is_cancelled() -> bool:
            return bool(getattr(job, "is_cancelled", False))  # threads ask; asyncio is interrupted

        await wait_until_async(is_cancelled, "to be cancelled")
        raise RuntimeError("noticed")

    async with front:
        queue = front.queue("mail")
        job = await queue.add("x")
        worker = front.worker("mail", process)
        await worker.start()
        await wait_until_async(lambda: entered, "the job to run")

        assert worker.cancel_job(job.id, "nobody needs it")
        assert not worker.cancel_job("unknown")
        done = await ended(queue, job.id)

        assert done.failed_reason in ("nobody needs it", "noticed")


@behaviour
@pytest.mark.parametrize("last_words", [RuntimeError, TimeoutError])
async def test_a_job_is_stopped_from_elsewhere_for_good(front: Front, last_words: type[Exception]) -> None:
    entered: list[str] = []

    async def process(job: AsyncJob) -> None:
        entered.append(job.id)
        try:
            await wait_until_async(lambda: bool(getattr(job, "is_cancelled", False)), "to be stopped")
        except asyncio.CancelledError:
            raise last_words("noticed") from None
        raise last_words("noticed")

    async with front:
        queue = front.queue("mail")
        job = await queue.add("x", attempts=5)
        await front.worker("mail", process, **RENEWING).start()
        await wait_until_async(lambda: entered, "the job to run")

        await queue.stop_job(job.id, "stopped by ann")
        done = await ended(queue, job.id)

        assert await queue.get_job_state(job.id) is JobState.FAILED
        assert (done.failed_reason, done.attempts_made) == ("stopped by ann", 1)
        assert "JobStoppedError: stopped by ann" in done.stacktrace[0]


@behaviour
async def test_a_request_to_stop_reaches_no_later_attempt(front: Front) -> None:
    gate = Gate()
    async with front:
        queue = front.queue("mail")
        job = await queue.add("x")
        worker = front.worker("mail", gate, lock_duration=60_000)
        await worker.start()
        await gate.holds()
        await queue.stop_job(job.id)
        gate.opened.set()
        await ended(queue, job.id)  # it ended before its lock was renewed
        gate.opened.clear()
        await worker.close()

        assert await queue.retry_jobs(state=JobState.COMPLETED) == 1
        await front.worker("mail", gate, **RENEWING).start()
        await gate.holds(2)
        other = await queue.add("x")
        gate.opened.set()

        assert (await ended(queue, job.id)).return_value == "through"
        assert (await ended(queue, other.id)).return_value == "through"


@behaviour
async def test_a_job_that_is_cancelled_as_it_begins_does_not_run(redis_url: str, prefix: str) -> None:
    ran: list[str] = []

    async def process(job: AsyncJob) -> None:
        ran.append(job.id)

    async with AsyncioFront(redis_url, prefix) as front:
        queue = front.queue("mail")
        worker = front.worker("mail", process)
        worker.on("active", lambda job, _previous: worker.cancel_job(job.id, "not today"))
        await worker.start()

        assert (await ended(queue, (await queue.add("x")).id)).failed_reason == "not today"
        assert ran == []


@behaviour
async def test_a_job_that_is_cancelled_in_its_own_last_step_costs_its_worker_nothing(front: Front) -> None:
    async def process(job: AsyncJob) -> str:
        await job.update_progress(100)
        return "done"

    async with front:
        queue = front.queue("mail")
        worker = front.worker("mail", process)
        worker.on("progress", lambda job, _progress: worker.cancel_job(job.id))
        await worker.start()
        for _ in range(3):
            assert (await ended(queue, (await queue.add("x")).id)).return_value == "done"


def test_a_loop_that_ends_is_not_held_up_by_a_job_that_was_cancelled(redis_url: str, prefix: str) -> None:
    async def main() -> None:
        entered, cleaning = asyncio.Event(), asyncio.Event()

        async def process(_job: AsyncJob) -> None:
            entered.set()
            try:
                await asyncio.sleep(PATIENCE_S)
            finally:
                cleaning.set()
                await asyncio.sleep(10 * PATIENCE_S)

        queue = AsyncQueue("mail", connection=redis_url, prefix=prefix)
        worker = AsyncWorker("mail", process, connection=redis_url, prefix=prefix)
        job = await queue.add("x")
        await worker.start()
        await entered.wait()
        worker.cancel_job(job.id)
        await cleaning.wait()
        for connection in (worker._blocking, worker.connection, queue.connection):
            await connection.close()

    thread = threading.Thread(target=asyncio.run, args=(main(),), daemon=True)
    thread.start()
    thread.join(PATIENCE_S)

    assert not thread.is_alive()


@behaviour
async def test_requests_that_nobody_can_read_any_more_go_some_at_a_time(
    front: Front, prefix: str, redis_client: Any
) -> None:
    gate = Gate()
    requests = f"{prefix}:mail:board:stops"
    async with front:
        queue = front.queue("mail")
        job = await queue.add("x")
        await front.worker("mail", gate, lock_duration=60_000).start()
        await gate.holds()
        redis_client.hset(requests, mapping={f"gone-{number}": "x" for number in range(3_000)})

        left = [3_000]
        for _ in range(3_000 // 20):
            await queue.stop_job(job.id)
            left.append(redis_client.hlen(requests))
        gate.opened.set()

        assert left[1] == 3_000 - 20 + 1
        assert left[-1] < 100


@behaviour
async def test_only_a_job_in_the_hands_of_a_worker_that_listens_is_stopped(front: Front) -> None:
    gate = Gate()
    async with front:
        queue = front.queue("mail")
        waiting = await queue.add("x", delay=60_000)
        deaf = await queue.add("x")
        await front.worker("mail", gate, skip_lock_renewal=True, lock_duration=60_000).start()
        await gate.holds()

        with pytest.raises(JobNotFoundError):
            await queue.stop_job("nothing")
        with pytest.raises(JobNotInStateError):
            await queue.stop_job(waiting.id)
        with pytest.raises(NotStoppableError):
            await queue.stop_job(deaf.id)

        gate.opened.set()
        assert (await ended(queue, deaf.id)).return_value == "through"
