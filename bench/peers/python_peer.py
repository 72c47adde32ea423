"""One piece of work with another queue for Python, measured in this process: prints one line of JSON.

Runs in a virtual environment of its own, see ``bench.python_peers``. Each peer runs as its documentation shows, with
what it has against losing a job: RQ its simple worker (no fork a job, its fastest), Celery its pool of threads, taskiq
the broker on a stream with acknowledgements.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import redis

TASK = json.loads(os.environ["BENCH_TASK"])
JOBS, CONCURRENCY, PAYLOAD = TASK["jobs"], TASK["concurrency"], TASK["payload"]
URL = f"redis://127.0.0.1:{TASK['port']}/0"
REDIS = redis.Redis.from_url(URL)
ended = itertools.count(1)
all_done: Callable[[], object] = lambda: None  # noqa: E731 - replaced by each worker


def job(*_args: Any, **_kwargs: Any) -> None:
    """Do nothing, and tell when it was the last."""
    if next(ended) == JOBS:
        all_done()


class Clock:
    """Time and CPU from now on."""

    def __init__(self) -> None:
        self.redis_ms, self.cpu, self.begun = self._redis_ms(), os.times(), time.perf_counter()

    def told(self) -> dict[str, float]:
        """Return what went by."""
        seconds, cpu = time.perf_counter() - self.begun, os.times()
        spent = cpu.user + cpu.system - self.cpu.user - self.cpu.system
        return {"seconds": seconds, "client_ms": spent * 1000, "redis_ms": self._redis_ms() - self.redis_ms}

    @staticmethod
    def _redis_ms() -> float:
        info: Any = REDIS.info("cpu")
        return float(info["used_cpu_user"] + info["used_cpu_sys"]) * 1000


def end(clock: Clock) -> None:
    """Print what was measured and leave, whatever threads are about."""
    print(json.dumps(clock.told()), file=sys.__stdout__, flush=True)
    os._exit(0)


def rq(work: str) -> None:
    """RQ."""
    from rq import Queue, SimpleWorker  # noqa: PLC0415 - one peer a process

    queue = Queue("bench", connection=REDIS)
    clock = Clock()
    for _ in range(JOBS):
        queue.enqueue("python_peer.job", **PAYLOAD)
    if work == "drain":
        worker = SimpleWorker([queue], connection=REDIS)
        clock = Clock()
        worker.work(burst=True, logging_level="ERROR")
    end(clock)


def celery(work: str) -> None:
    """Celery."""
    from celery import Celery  # noqa: PLC0415 - one peer a process

    app = Celery("bench", broker=URL)
    app.conf.update(worker_redirect_stdouts=False, task_acks_late=True, broker_connection_retry_on_startup=True)
    task = app.task(name="job", ignore_result=True)(job)
    clock = Clock()
    for _ in range(JOBS):
        task.delay(**PAYLOAD)
    if work == "add":
        end(clock)
    globals()["all_done"] = lambda: end(clock)
    clock = Clock()
    app.worker_main(["worker", "-P", "threads", "-c", str(CONCURRENCY), "--loglevel=CRITICAL", "--without-gossip"])


async def bullmq(work: str) -> None:
    """BullMQ's own port to Python."""
    from bullmq import Queue, Worker  # noqa: PLC0415 - one peer a process

    queue = Queue("bench", {"connection": URL})
    clock = Clock()
    for _ in range(JOBS):
        await queue.add("job", PAYLOAD, {})
    if work == "drain":
        over, count = asyncio.Event(), 0

        async def process(_job: Any, _token: str) -> None:
            return None

        def completed(*_args: Any) -> None:
            nonlocal count
            count += 1
            if count == JOBS:
                over.set()

        clock = Clock()
        worker = Worker("bench", process, {"connection": URL, "concurrency": CONCURRENCY})
        worker.on("completed", completed)
        await over.wait()
    end(clock)


async def saq(work: str) -> None:
    """SAQ."""
    from saq import Queue, Worker  # noqa: PLC0415 - one peer a process

    async def job_of_saq(_context: Any, **_kwargs: Any) -> None:
        job()

    queue = Queue.from_url(URL)
    await queue.connect()
    clock = Clock()
    for _ in range(JOBS):
        await queue.enqueue("job_of_saq", **PAYLOAD)
    if work == "drain":
        over = asyncio.Event()
        globals()["all_done"] = over.set
        worker = Worker(queue, functions=[("job_of_saq", job_of_saq)], concurrency=CONCURRENCY)
        clock = Clock()
        running = asyncio.create_task(worker.start())
        await over.wait()
        running.cancel()
    end(clock)


async def arq(work: str) -> None:
    """The queue named arq."""
    from arq import create_pool  # noqa: PLC0415 - one peer a process
    from arq.connections import RedisSettings  # noqa: PLC0415 - same
    from arq.worker import Worker, func  # noqa: PLC0415 - same

    async def job_of_arq(_context: Any, **_kwargs: Any) -> None:
        job()

    settings = RedisSettings(port=TASK["port"])
    pool = await create_pool(settings)
    clock = Clock()
    for _ in range(JOBS):
        await pool.enqueue_job("job_of_arq", **PAYLOAD)
    if work == "drain":
        worker = Worker(
            [func(job_of_arq, name="job_of_arq")],
            redis_settings=settings,
            max_jobs=CONCURRENCY,
            burst=True,
            poll_delay=0.01,
            handle_signals=False,
        )
        clock = Clock()
        await worker.async_run()
    end(clock)


async def taskiq(work: str) -> None:
    """The queue named taskiq."""
    from taskiq.api import run_receiver_task  # noqa: PLC0415 - one peer a process
    from taskiq_redis import RedisStreamBroker  # noqa: PLC0415 - same

    broker = RedisStreamBroker(URL)

    async def job_of_taskiq(**_kwargs: Any) -> None:
        job()

    task = broker.task(job_of_taskiq)
    await broker.startup()
    clock = Clock()
    for _ in range(JOBS):
        await task.kiq(**PAYLOAD)
    if work == "drain":
        over = asyncio.Event()
        globals()["all_done"] = over.set
        clock = Clock()
        running = asyncio.create_task(run_receiver_task(broker, max_async_tasks=CONCURRENCY))
        await over.wait()
        running.cancel()
    end(clock)


PEERS: dict[str, Callable[[str], Awaitable[None] | None]] = {
    "rq": rq,
    "celery": celery,
    "bullmq": bullmq,
    "saq": saq,
    "arq": arq,
    "taskiq": taskiq,
}


def main() -> None:
    """Do what the environment describes."""
    logging.disable(logging.CRITICAL)
    coming = PEERS[TASK["peer"]](TASK["work"])
    if coming is not None:
        asyncio.run(coming)  # type: ignore[arg-type]


if __name__ == "__main__":
    sys.modules["python_peer"] = sys.modules["__main__"]
    main()
