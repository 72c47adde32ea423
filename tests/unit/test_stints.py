"""Why a job in a slot is to end: the first reason counts, unless somebody stopped the job for good."""

import asyncio
from types import SimpleNamespace
from typing import Any

from board.engine.aio.stints import Stint as AsyncStint
from board.engine.errors import JobCancelledError, JobStoppedError
from board.engine.sync.stints import Stint
from board.engine.worker.messages import Lease
from board.engine.worker.outcome import outweighs

CANCELLED, STOPPED = JobCancelledError("cancelled"), JobStoppedError("stopped by ann")
LEASE = Lease("1", "token")


def test_a_stop_outweighs_all_but_an_earlier_stop() -> None:
    assert outweighs(CANCELLED, None)
    assert outweighs(STOPPED, CANCELLED)
    assert not outweighs(CANCELLED, STOPPED)
    assert not outweighs(CANCELLED, JobCancelledError("before"))
    assert not outweighs(JobStoppedError("again"), STOPPED)


def test_a_job_in_a_thread_ends_for_the_weightier_reason() -> None:
    job: Any = SimpleNamespace(_why=None, _cancelled=False)
    stint = Stint(job, LEASE)

    stint.ask_to_stop(CANCELLED)
    assert stint.why is CANCELLED
    stint.ask_to_stop(STOPPED)
    stint.ask_to_stop(JobCancelledError("the worker is closing"))
    stint.ask_to_stop()

    assert stint.why is STOPPED
    assert job._cancelled


def test_a_coroutine_is_cancelled_once_and_ends_for_the_weightier_reason() -> None:
    async def run() -> tuple[AsyncStint, int]:
        job: Any = None
        stint = AsyncStint(job, LEASE)
        stint.task = asyncio.create_task(asyncio.sleep(0))
        stint.cancel(CANCELLED)
        stint.cancel(STOPPED)
        stint.cancel(CANCELLED)
        asked = stint.task.cancelling()
        await asyncio.wait([stint.task])
        stint.end()
        stint.cancel(JobStoppedError("too late"))
        return stint, asked

    stint, asked = asyncio.run(run())

    assert stint.error is STOPPED
    assert asked == 1
