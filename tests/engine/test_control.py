"""Steering a worker while it works."""

import asyncio
import threading
from typing import Any

import pytest

from board.engine import AsyncJob, Job, JobState, Queue, Worker
from board.engine.errors import ClosedError
from board.engine.keys import QueueKeys
from board.engine.types import FINISHED_STATES
from tests.engine.fronts import RENEWING, Front, Renewals, behaviour, count_is, ended, state_is
from tests.waiting import PATIENCE_S, wait_until, wait_until_async


async def nothing(job: AsyncJob) -> None:
    """Complete at once."""


class Gate:
    """A processor that holds every job until it is opened."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.entered: list[str] = []

    async def __call__(self, job: AsyncJob) -> str:
        """Note the job, then hold it."""
        self.entered.append(job.id)
        await wait_until_async(self.opened.is_set, "the gate to open")
        return "through"

    async def holds(self, count: int = 1) -> None:
        """Wait until so many jobs are inside."""
        await wait_until_async(lambda: len(self.entered) >= count, f"{count} jobs to run")


@behaviour
async def test_a_paused_worker_finishes_what_runs_and_takes_nothing(front: Front) -> None:
    gate = Gate()
    async with front:
        queue = front.queue("mail")
        first = await queue.add("x")
        worker = front.worker("mail", gate)
        await worker.start()
        await gate.holds()

        await worker.pause()
        second = await queue.add("x")
        gate.opened.set()
        await ended(queue, first.id)

        await wait_until_async(lambda: worker.running_jobs == [], "the worker to hear that its job has ended")
        assert worker.is_paused
        assert await queue.get_job_state(second.id) is JobState.WAITING


@behaviour
async def test_a_worker_that_never_waits_is_listed_all_the_same(front: Front) -> None:
    gate = Gate()
    async with front:
        queue = front.queue("mail")
        await queue.add_bulk([("x", {})] * 2)
        await front.worker("mail", gate, name="busy").start()
        await gate.holds()

        async def listed() -> list[str]:
            return [worker.name for worker in await queue.get_workers()]

        assert await listed() == ["busy"]
        gate.opened.set()
        await count_is(queue, JobState.COMPLETED, 2)
        assert await listed() == ["busy"]


@behaviour
async def test_a_resumed_worker_goes_on_at_once(front: Front) -> None:
    async with front:
        queue = front.queue("mail")
        worker = front.worker("mail", nothing, drain_delay=600_000)
        told: list[str] = []
        for event in ("drained", "paused", "resumed"):
            worker.on(event, lambda event=event: told.append(event))
        await worker.start()
        await wait_until_async(lambda: "drained" in told, "the worker to wait")

        for _ in range(3):
            await worker.pause()
            await worker.resume()
        job = await queue.add("x")
        # The server may hand the marker to a read that was just given up; the short wait after it finds the job.
        await ended(queue, job.id)

        assert [event for event in told if event != "drained"] == ["paused", "resumed"] * 3


@behaviour
async def test_jobs_of_a_paused_queue_wait_and_run_once_it_is_resumed(front: Front) -> None:
    async with front:
        queue = front.queue("mail")
        await queue.pause()
        job = await queue.add("x")
        worker = front.worker("mail", nothing, drain_delay=600_000)
        polls: list[bool] = []
        worker.on("drained", lambda: polls.append(True))
        await worker.start()
        await wait_until_async(lambda: polls, "the worker to have looked")
        before = await queue.get_job_state(job.id)

        await queue.resume()
        await ended(queue, job.id)

        assert before is JobState.WAITING


@behaviour
async def test_closing_lets_running_jobs_finish_and_leaves_the_rest(front: Front) -> None:
    gate = Gate()
    async with front:
        queue = front.queue("mail")
        running, waiting = await queue.add("x"), await queue.add("x")
        worker = front.worker("mail", gate)
        await worker.start()
        await gate.holds()

        closing = asyncio.create_task(worker.close())
        await wait_until_async(lambda: not worker.is_running, "the worker to begin closing")
        gate.opened.set()
        await closing

        assert await queue.get_job_state(running.id) is JobState.COMPLETED
        assert await queue.get_job_state(waiting.id) is JobState.WAITING


@behaviour
async def test_what_outlives_the_grace_period_is_handed_back_without_an_attempt(
    front: Front, redis_client: Any
) -> None:
    gate = Gate()
    async with front:
        queue = front.queue("mail")
        job = await queue.add("x", {}, attempts=3)
        worker = front.worker("mail", gate)
        await worker.start()
        await gate.holds()

        await worker.close(50)
        gate.opened.set()

        back = await queue.get_job(job.id)
        assert back is not None
        assert await back.get_state() is JobState.WAITING
        assert (back.attempts_made, back.failed_reason) == (0, None)
        assert not redis_client.exists(queue.keys.lock(job.id))


@behaviour
async def test_closing_an_idle_worker_does_not_wait_for_its_blocking_read(front: Front) -> None:
    async with front:
        worker = front.worker("mail", nothing, drain_delay=600_000)
        told: list[str] = []
        worker.on("drained", lambda: told.append("drained"))
        worker.on("closed", lambda: told.append("closed"))
        await worker.start()
        await wait_until_async(lambda: told, "the worker to wait")

        await worker.close()
        await worker.close()

        assert told == ["drained", "closed"]
        with pytest.raises(ClosedError):
            await worker.start()


@behaviour
async def test_a_worker_may_be_closed_by_its_own_listener(front: Front) -> None:
    async with front:
        queue = front.queue("mail")
        worker = front.worker("mail", nothing)
        closed: list[bool] = []
        worker.on("completed", lambda *_told: worker.close())
        worker.on("closed", lambda: closed.append(True))
        if type(worker).__name__ != "AsyncWorker":
            inner = worker._inner  # type: ignore[attr-defined] # the blocking worker: its listener must not be async
            worker.off("completed", inner._listeners._by_event["completed"][0])
            worker.on("completed", lambda *_told: inner.close())
        await worker.start()

        await queue.add("x")

        await wait_until_async(lambda: closed, "the worker to close")


@behaviour
async def test_a_job_that_runs_too_long_fails_and_the_slot_goes_on(front: Front) -> None:
    gate = Gate()

    async def process(job: AsyncJob) -> str:
        return await gate(job) if job.name == "slow" else "quick"

    async with front:
        queue = front.queue("mail")
        slow = await queue.add("slow")
        quick = await queue.add("quick", attempts=100)  # for it, too, the time may be too short
        await front.worker("mail", process, job_timeout=60).start()

        after = await ended(queue, quick.id)
        failed = await ended(queue, slow.id)
        gate.opened.set()

        assert after.return_value == "quick"
        assert failed.failed_reason == f"job {slow.id} ran longer than 60 ms"
        assert await queue.get_job_state(slow.id) is JobState.FAILED


@behaviour
async def test_the_result_of_a_job_that_was_given_up_is_not_stored(front: Front) -> None:
    gate = Gate()
    async with front:
        queue = front.queue("mail")
        job = await queue.add("x", {}, attempts=2)
        worker = front.worker("mail", gate, job_timeout=60, concurrency=1)
        completed: list[str] = []
        worker.on("completed", lambda job, _result, _previous: completed.append(job.id))
        await worker.start()
        await ended(queue, job.id)

        gate.opened.set()
        other = await queue.add("x", attempts=100)  # for it, too, the time may be too short
        await ended(queue, other.id)
        await wait_until_async(lambda: completed, "the worker to tell of the end")

        assert await queue.get_job_state(job.id) is JobState.FAILED
        assert completed == [other.id]


@behaviour
async def test_concurrency_can_be_changed_while_running(front: Front) -> None:
    gate = Gate()
    async with front:
        queue = front.queue("mail")
        await queue.add_bulk([("x", {}) for _ in range(5)])
        worker = front.worker("mail", gate, concurrency=1)
        await worker.start()
        await gate.holds(1)

        worker.concurrency = 3
        await gate.holds(3)

        assert (await queue.get_job_counts())[JobState.ACTIVE] == 3
        gate.opened.set()
        await count_is(queue, JobState.COMPLETED, 5)


@behaviour
async def test_a_global_concurrency_holds_over_all_workers(front: Front) -> None:
    gate = Gate()
    async with front:
        queue = front.queue("mail")
        await queue.set_global_concurrency(2)
        await queue.add_bulk([("x", {}) for _ in range(6)])
        for _ in range(2):
            await front.worker("mail", gate, concurrency=5).start()
        await gate.holds(2)

        active = (await queue.get_job_counts())[JobState.ACTIVE]
        gate.opened.set()
        await count_is(queue, JobState.COMPLETED, 6)

        assert active == 2


@behaviour
async def test_two_workers_run_each_job_once(front: Front) -> None:
    ran: list[str] = []

    async def process(job: AsyncJob) -> None:
        ran.append(job.id)

    async with front:
        queue = front.queue("mail")
        for _ in range(2):
            await front.worker("mail", process, concurrency=10).start()
        jobs = await queue.add_bulk([("x", {}) for _ in range(300)])

        await count_is(queue, JobState.COMPLETED, 300)

        assert sorted(ran) == sorted(job.id for job in jobs)


@behaviour
async def test_a_parent_waits_for_the_child_that_its_processor_adds(front: Front) -> None:
    from board.engine import ParentRef, WaitingChildrenError

    async with front:
        queue = front.queue("mail")

        async def process(job: AsyncJob) -> object:
            if job.name == "child":
                return "from the child"
            if not await job.get_children_values():
                await queue_of_parent.add("child", {}, parent=ParentRef(job.id, queue_of_parent.qualified_name))
                if await job.move_to_waiting_children():
                    raise WaitingChildrenError
            return list((await job.get_children_values()).values())

        queue_of_parent = queue
        if type(queue).__name__ != "AsyncQueue":
            from tests.engine.fronts import _Awaited

            queue_of_parent = _Awaited(queue._inner, in_thread=False)  # type: ignore[assignment, attr-defined]
        parent = await queue.add("parent")
        await front.worker("mail", process).start()

        done = await ended(queue, parent.id)

        assert done.return_value == ["from the child"]
        assert done.attempts_made == 1


@behaviour
async def test_a_delayed_job_is_not_run_before_its_time(front: Front) -> None:
    async with front:
        queue = front.queue("mail")
        later = await queue.add("x", {}, delay=600_000)
        await front.worker("mail", nothing).start()
        now = await queue.add("x")
        await ended(queue, now.id)

        assert await queue.get_job_state(later.id) is JobState.DELAYED
        await later.promote()
        await state_is(queue, later.id, JobState.COMPLETED)


def test_a_slow_listener_delays_no_renewal_of_a_lock(redis_url: str, prefix: str, redis_client: Any) -> None:
    keys = QueueKeys(prefix, "mail")
    told, free = threading.Event(), threading.Event()

    def watch_the_lock(job: Job) -> None:
        if job.id == "lost":
            return
        assert told.wait(PATIENCE_S)
        wait_until(Renewals(redis_client, keys.lock(job.id)), "the lock to be renewed while a listener is slow")

    def slow(*_args: object) -> None:
        told.set()
        free.wait(PATIENCE_S)

    where: Any = {"connection": redis_url, "prefix": prefix}
    with Queue("mail", **where) as queue:
        worker = Worker("mail", watch_the_lock, stalled_interval=100, **RENEWING, **where)
        worker.on("stalled", slow)
        redis_client.hset(keys.job("lost"), "name", "x")
        redis_client.rpush(keys.container(JobState.ACTIVE), "lost")
        worker.start()
        job = queue.add("x")
        wait_until(lambda: job.get_state() in FINISHED_STATES, "the job to end", 2 * PATIENCE_S)
        free.set()
        worker.close()

        assert job.get_state() is JobState.COMPLETED
