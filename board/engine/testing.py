"""What a program needs to test its processors: run everything that is in a queue, then look at what came of it.

There is no fake Redis here. Tests of processors use a real server, their own key prefix, and these two functions in
place of a worker that runs for ever::

    from board.engine.testing import work_off

    queue.add("welcome", {"user": 7})
    [outcome] = work_off(Worker("email", send, connection=url))
    assert outcome.result == {"sent": True}
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from typing import Any

from board.engine.aio.worker import AsyncWorker
from board.engine.commands.queues import get_counts
from board.engine.options import to_ms
from board.engine.sync.worker import Worker
from board.engine.types import Duration, JobCounts, JsonValue

__all__ = ["Outcome", "work_off", "work_off_async"]

LOOK_S = 0.01
"""How often the counts are looked at."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt.

    Attributes:
        job_id: the job's id.
        name: its name.
        result: what the processor returned; None when it failed.
        error: what it raised; None when it completed.
    """

    job_id: str
    name: str
    result: JsonValue = None
    error: BaseException | None = None


def work_off(worker: Worker, *, delayed: bool = True, timeout: Duration = 10_000) -> list[Outcome]:
    """Run a worker until nothing is left to do, and close it; returns the attempts in the order in which they ended.

    Args:
        worker: one that has not begun.
        delayed: wait for delayed jobs too, retries with backoff among them.
        timeout: how long all of it may take.

    Raises:
        TimeoutError: something was still left.
    """
    outcomes = _listen(worker)
    finished = threading.Event()
    with worker:
        for _ in range(int(to_ms(timeout, "timeout") / 1000 / LOOK_S) + 1):
            if _is_empty(worker.connection.call(get_counts(worker.keys)), delayed=delayed):
                break
            finished.wait(LOOK_S)
        else:
            worker.close(0)
            raise TimeoutError(f"queue {worker.keys.name} still had jobs after {timeout}")
    return outcomes


async def work_off_async(
    worker: AsyncWorker,
    *,
    delayed: bool = True,
    timeout: Duration = 10_000,  # noqa: ASYNC109 - a duration as everywhere here
) -> list[Outcome]:
    """Do as ``work_off`` in an event loop."""
    outcomes = _listen(worker)
    async with worker:
        try:
            async with asyncio.timeout(to_ms(timeout, "timeout") / 1000):
                while not _is_empty(  # noqa: ASYNC110 - it is Redis that is asked
                    await worker.connection.call(get_counts(worker.keys)), delayed=delayed
                ):
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            await worker.close(0)
            raise TimeoutError(f"queue {worker.keys.name} still had jobs after {timeout}") from None
    return outcomes


def _listen(worker: Worker | AsyncWorker) -> list[Outcome]:
    outcomes: list[Outcome] = []

    def completed(job: Any, result: JsonValue, _previous: str) -> None:
        outcomes.append(Outcome(job.id, job.name, result=result))

    def failed(job: Any, error: BaseException, _previous: str) -> None:
        outcomes.append(Outcome(job.id, job.name, error=error))

    worker.on("completed", completed)
    worker.on("failed", failed)
    return outcomes


def _is_empty(counts: JobCounts, *, delayed: bool) -> bool:
    open_jobs = counts.waiting + counts.paused + counts.active + counts.prioritized
    return open_jobs + (counts.delayed if delayed else 0) == 0
