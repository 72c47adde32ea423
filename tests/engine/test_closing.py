"""A worker that closes in the middle of something: what it has done counts, what it has not begun goes back."""

import asyncio
import threading
from typing import Any

from board.engine import AsyncJob, JobState
from tests.engine.fronts import Front, behaviour, count_is, state_is
from tests.waiting import wait_until_async


@behaviour
async def test_a_job_that_arrives_at_a_closing_worker_costs_the_running_one_no_second_run(
    front: Front, keeper: Any, prefix: str
) -> None:
    """The late one is handed back unopened; the running one's end is tried until Redis takes it, as ever."""
    runs: list[str] = []
    troubles: list[Exception] = []
    may_end = threading.Event()

    async def process(job: AsyncJob) -> str:
        runs.append(job.id)
        await wait_until_async(may_end.is_set, "the test to let the job end")
        return "done"

    async with front:
        queue = front.queue("mail")
        worker = front.worker("mail", process, concurrency=2)
        worker.on("error", troubles.append)
        await worker.start()
        running = await queue.add("x", {})
        await state_is(queue, running.id, JobState.ACTIVE)
        await wait_until_async(lambda: _held_up(keeper, "bzpopmin"), "the worker to wait for another job")

        # Writes are held back when the wait is cut off, so the fetch that follows is under way when the close comes.
        transaction = keeper.pipeline()
        transaction.hset(f"{prefix}:mail:late", mapping={"name": "x", "data": "{}", "opts": "{}", "timestamp": 1})
        transaction.lpush(f"{prefix}:mail:wait", "late")
        transaction.execute_command("CLIENT", "PAUSE", 60_000, "WRITE")
        transaction.execute()
        for client_id in _held_up(keeper, "bzpopmin"):
            keeper.client_kill_filter(_id=client_id)
        await wait_until_async(lambda: _held_up(keeper, "eval"), "the fetch to be held back")
        closing = asyncio.create_task(worker.close())
        await wait_until_async(lambda: not worker.is_running, "the worker to begin closing")
        keeper.execute_command("CLIENT", "UNPAUSE")
        await wait_until_async(lambda: keeper.hget(f"{prefix}:mail:late", "ats"), "the late job to be taken")
        await state_is(queue, "late", JobState.WAITING)
        troubles.clear()

        keeper.config_set("min-replicas-to-write", 9)
        try:
            may_end.set()
            await wait_until_async(lambda: bool(troubles), "Redis to refuse the end of the job")
        finally:
            keeper.config_set("min-replicas-to-write", 0)

        await count_is(queue, JobState.COMPLETED, 1)
        await closing
        assert runs == [running.id]


@behaviour
async def test_a_job_that_ends_while_locks_are_renewed_has_not_lost_its_own(front: Front) -> None:
    """A renewal that passes the end of a job finds no lock: that is as it should be, and no news."""
    completed: set[str] = set()
    lost: set[str] = set()

    async def process(job: AsyncJob) -> None:
        await asyncio.sleep(0.15)

    async with front:
        queue = front.queue("mail")
        ids = {job.id for job in await queue.add_bulk([("x", {}) for _ in range(1_000)])}
        worker = front.worker("mail", process, concurrency=50, lock_duration=400, skip_stalled_check=True)
        worker.on("completed", lambda job, *_told: completed.add(job.id))
        worker.on("lock_lost", lost.add)
        worker.on(
            "error", lambda error: lost.add(getattr(error, "job_id", ""))
        )  # noticed at its end only, on a machine that is busy
        await worker.start()
        await wait_until_async(lambda: completed | lost >= ids, "all jobs to end")

        assert completed & lost == set()


def _held_up(server: Any, command: str) -> list[str]:
    """Return the ids of the clients that the server makes wait for the reply to such a command."""
    clients = server.client_list()
    return [client["id"] for client in clients if client["cmd"].startswith(command) and "b" in client["flags"]]
