"""One of our workers in a thread, on either front, for tests in which Node is the other side."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from board.engine.aio.worker import AsyncWorker
from board.engine.sync.worker import Worker
from tests.waiting import PATIENCE_S

FRONTS = ("threads", "asyncio")

Body = Callable[[Any], Any]


@contextmanager
def our_worker(front: str, queue: str, body: Body, url: str, **options: Any) -> Iterator[list[str]]:
    """Run a worker until the block ends; yields the ids of the jobs it has completed, in order.

    Args:
        front: `threads` or `asyncio`.
        queue: queue name.
        body: called with each job; on the asyncio front its result is awaited if it can be.
        url: the Redis.
        options: of the worker.
    """
    completed: list[str] = []

    def note(job: Any, *_: Any) -> None:
        completed.append(job.id)

    if front == "threads":
        worker = Worker(queue, body, connection=url, **options)
        worker.on("completed", note)
        with worker:
            yield completed
        return
    ready, stop = threading.Event(), threading.Event()

    async def process(job: Any) -> Any:
        result = body(job)
        return await result if asyncio.iscoroutine(result) else result

    async def main() -> None:
        one = AsyncWorker(queue, process, connection=url, **options)
        one.on("completed", note)
        async with one:
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    ready.wait(PATIENCE_S)
    try:
        yield completed
    finally:
        stop.set()
        thread.join(PATIENCE_S)
