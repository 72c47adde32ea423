"""One piece of work with our engine, measured in this process: prints one line of JSON. See ``bench.engine``."""

from __future__ import annotations

import asyncio
import cProfile
import json
import os
import pstats
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import redis

from board.engine import (
    AsyncFlowProducer,
    AsyncJob,
    AsyncQueue,
    AsyncWorker,
    FlowJob,
    Job,
    JobOptions,
    Queue,
    Worker,
)

WARM_UP = 20


class Work:
    """What is to be done, and how it is measured.

    Args:
        task: work, port, jobs, concurrency, payload.
    """

    def __init__(self, task: dict[str, Any]) -> None:
        self.name: str = task["work"]
        self.jobs: int = task["jobs"]
        self.concurrency: int = task["concurrency"]
        self.count: int = task.get("queues", 1)
        self.payload: dict[str, Any] = task["payload"]
        self.url = f"redis://127.0.0.1:{task['port']}/0"
        self.redis = redis.Redis.from_url(self.url)

    def redis_ms(self) -> float:
        """Return the server's CPU time so far."""
        info: Any = self.redis.info("cpu")
        return float(info["used_cpu_user"] + info["used_cpu_sys"]) * 1000

    async def measured(self, what: Callable[[], Awaitable[None]]) -> dict[str, float]:
        """Do it and return how long it took and what it cost."""
        before, cpu, begun = self.redis_ms(), os.times(), time.perf_counter()
        await what()
        seconds, after = time.perf_counter() - begun, os.times()
        spent = after.user + after.system - cpu.user - cpu.system
        return {"seconds": seconds, "client_ms": spent * 1000, "redis_ms": self.redis_ms() - before}

    async def fill(self, queue: AsyncQueue, options: JobOptions | None = None) -> None:
        """Add the jobs, 1,000 in a call."""
        for at in range(0, self.jobs, 1000):
            some = min(1000, self.jobs - at)
            await queue.add_bulk([("job", self.payload, options) for _ in range(some)])

    async def run(self) -> dict[str, Any]:
        """Do the work that the task names."""
        async with AsyncQueue("bench", connection=self.url) as queue:
            if self.name == "latency":
                return await self.latency(queue)
            if self.name in {"bulk", "flight", "one", "queues"}:
                await queue.add("warm", {})
                return await self.measured(lambda: getattr(self, self.name)(queue))
            if self.name in {"drain", "sleep", "threads"}:
                await self.fill(queue)
            elif self.name == "retries":
                await self.fill(queue, JobOptions(attempts=3))
            return await self.measured(lambda: getattr(self, self.name)(queue))

    async def bulk(self, queue: AsyncQueue) -> None:
        """Add in bulk."""
        await self.fill(queue)

    async def flight(self, queue: AsyncQueue) -> None:
        """Add with 1,000 adds under way at once."""
        for _ in range(0, self.jobs, 1000):
            await asyncio.gather(*(queue.add("job", self.payload) for _ in range(1000)))

    async def queues(self, queue: AsyncQueue) -> None:
        """Add to many queues in turn, 1,000 adds under way at once."""
        several = [AsyncQueue(f"bench-{number}", connection=queue.connection) for number in range(self.count)]
        for at in range(0, self.jobs, 1000):
            await asyncio.gather(
                *(several[number % self.count].add("job", self.payload) for number in range(at, at + 1000))
            )

    async def one(self, queue: AsyncQueue) -> None:
        """Add one after the other."""
        for _ in range(self.jobs):
            await queue.add("job", self.payload)

    async def blocking(self, _queue: AsyncQueue) -> None:
        """Add one after the other with the blocking front."""
        queue = Queue("bench", connection=self.url)
        for _ in range(self.jobs):
            queue.add("job", self.payload)
        queue.close()

    async def drain(self, _queue: AsyncQueue) -> None:
        """Work off jobs that do nothing."""

        async def nothing(_job: AsyncJob) -> None:
            return None

        await self.worked_off(nothing)

    async def sleep(self, _queue: AsyncQueue) -> None:
        """Work off jobs that sleep 5 ms."""

        async def nap(_job: AsyncJob) -> None:
            await asyncio.sleep(0.005)

        await self.worked_off(nap)

    async def retries(self, _queue: AsyncQueue) -> None:
        """Work off jobs that fail twice."""

        async def fail_twice(job: AsyncJob) -> None:
            if job.attempts_made < 2:
                raise RuntimeError("again")

        await self.worked_off(fail_twice)

    async def flow(self, queue: AsyncQueue) -> None:
        """Add a parent with children and work all of them off."""
        children = [FlowJob("job", queue="bench", data=self.payload) for _ in range(self.jobs - 1)]
        async with AsyncFlowProducer(connection=queue.connection) as flows:
            await flows.add(FlowJob("parent", queue="bench", data={}, children=children))
        await self.drain(queue)

    async def threads(self, _queue: AsyncQueue) -> None:
        """Work off jobs that do nothing with the threads worker."""
        done = asyncio.Event()
        loop, count = asyncio.get_running_loop(), 0

        def nothing(_job: Job) -> None:
            return None

        def completed(*_args: object) -> None:
            nonlocal count
            count += 1
            if count == self.jobs:
                loop.call_soon_threadsafe(done.set)

        worker = Worker("bench", nothing, connection=self.url, concurrency=self.concurrency)
        worker.on("completed", completed)
        worker.start()
        await done.wait()
        worker.close()

    async def worked_off(self, processor: Callable[[AsyncJob], Awaitable[None]]) -> None:
        """Run a worker until all jobs have completed."""
        done, count = asyncio.Event(), 0

        def completed(*_args: object) -> None:
            nonlocal count
            count += 1
            if count == self.jobs:
                done.set()

        worker = AsyncWorker("bench", processor, connection=self.url, concurrency=self.concurrency)
        worker.on("completed", completed)
        await worker.start()
        await done.wait()
        self.leave = worker.close

    async def latency(self, queue: AsyncQueue) -> dict[str, Any]:
        """Add to an idle worker, again and again, and note when each job starts."""
        started: asyncio.Future[float] | None = None

        async def note(_job: AsyncJob) -> None:
            if started is not None:
                started.set_result(time.perf_counter())

        async with AsyncWorker("bench", note, connection=self.url):
            times = []
            for _ in range(self.jobs + WARM_UP):
                await asyncio.sleep(0.01)
                started = asyncio.get_running_loop().create_future()
                begun = time.perf_counter()
                await queue.add("job", self.payload)
                times.append((await started - begun) * 1000)
        return {"latencies_ms": times[WARM_UP:]}


def main() -> None:
    """Do what the argument describes."""
    task = json.loads(sys.argv[1])
    work = Work(task)
    if task.get("uvloop"):
        import uvloop  # noqa: PLC0415 - only for who asks for it

        print(json.dumps(uvloop.run(work.run())))
    elif task.get("profile"):
        with cProfile.Profile() as profile:
            asyncio.run(work.run())
        pstats.Stats(profile).sort_stats(task["profile"]).print_stats(45)
    else:
        print(json.dumps(asyncio.run(work.run())))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
