"""Connections that break at any moment: every job still runs exactly once.

A connection that dies between a command and its reply leaves open whether the command took effect. A job fetched by
such a command has to be found again, a finish must not be taken for one that never happened.
"""

import threading
from collections import Counter
from functools import partial
from typing import Any

from board.engine import AsyncJob, JobState
from tests.engine.fronts import Front, behaviour, count_is
from tests.waiting import wait_until_async

JOBS = 400
EVERY = 40
"""All connections are killed each time so many more jobs have ended."""


@behaviour
async def test_every_job_runs_once_however_often_connections_break(front: Front, redis_client: Any) -> None:
    runs: Counter[str] = Counter()
    told: Counter[str] = Counter()
    stalled: list[str] = []
    counting = threading.Lock()

    async def process(job: AsyncJob) -> str:
        with counting:
            runs[job.id] += 1
        return job.id

    def completed(job: Any, _result: object, _previous: str) -> None:
        with counting:
            told[job.id] += 1

    async with front:
        queue = front.queue("mail")
        await queue.add_bulk([("x", {}) for _ in range(JOBS)])
        for _ in range(2):
            worker = front.worker("mail", process, concurrency=5, lock_duration=600_000)
            worker.on("completed", completed)
            worker.on("stalled", lambda job_id, _previous: stalled.append(job_id))
            worker.on("error", lambda _error: None)
            await worker.start()

        for goal in range(EVERY, JOBS, EVERY):
            await wait_until_async(partial(_has, runs, goal), f"{goal} jobs to run", 30)
            redis_client.client_kill_filter(_type="normal", skipme=True)
        await count_is(front.queue("mail"), JobState.COMPLETED, JOBS, 30)
        await wait_until_async(lambda: len(told) == JOBS, "all listeners to be told")

        assert set(runs.values()) == {1}
        assert set(told.values()) == {1}
        assert stalled == []


def _has(runs: Counter[str], goal: int) -> bool:
    return len(runs) >= goal
