"""Busy demo workers: ``python -m board.dev.workers REDIS_URL PREFIX``.

They take jobs of the demo queues, take their time, report progress, log, fail now and then, and add new jobs, so that
the pages of the board have something to show. They end with SIGTERM, SIGINT, or with the program that started them
(their standard input closes then).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import signal
import sys
from dataclasses import dataclass, replace
from typing import Any

from board.dev.stories import FAILURES
from board.engine import AsyncJob, AsyncQueue, AsyncWorker, Backoff, JobOptions, Keep
from board.logs import configure

__all__ = ["main"]


GRACE_MS = 500
"""Whoever presses Ctrl-C wants the console back; the jobs that still run are handed back."""


class DemoError(Exception):
    """What demo jobs fail with."""


@dataclass(frozen=True, slots=True)
class _Line:
    """How one queue is kept busy.

    Attributes:
        queue: its name.
        job: name of the jobs added.
        every_s: seconds between new jobs.
        takes_s: least and most seconds a job runs.
        fails: share of attempts that fail.
        story: how they fail.
        concurrency: jobs at once.
        kept: completed jobs that stay; with a scheduler in the queue so many that its runs are not pushed out by them.
    """

    queue: str
    job: str
    every_s: float
    takes_s: tuple[float, float]
    fails: float
    story: str
    concurrency: int = 2
    kept: int = 200


LINES = (
    _Line("mail.transactional", "order-confirmation", 2.0, (0.1, 1.5), 0.05, "smtp", 4),
    _Line("billing.charge", "charge-card", 4.0, (0.5, 4.0), 0.15, "gateway"),
    _Line("billing.invoice", "render-pdf", 6.0, (1.0, 6.0), 0.02, "memory", 1, kept=4_000),
    _Line("hooks.deliver", "deliver", 3.0, (0.2, 2.0), 0.25, "hook", 3, kept=4_000),
    _Line("media.transcode", "transcode", 20.0, (6.0, 20.0), 0.05, "codec", 1),
)
"""Queues with a worker; mail.newsletter and the others have none, which the board should notice."""

OPTIONS = JobOptions(
    attempts=3,
    backoff=Backoff.exponential(2_000, jitter=0.3),
    remove_on_fail=Keep(count=100),
)


async def main(url: str, prefix: str) -> None:
    """Keep the queues busy until told to stop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop.set)
    parent = asyncio.create_task(_parent_ends(stop))
    dice = random.Random()
    workers = [_worker(line, url, prefix, dice) for line in LINES]
    for worker in workers:
        await worker.start()
    adds = [asyncio.create_task(_add(line, url, prefix, stop)) for line in LINES]
    await stop.wait()
    await asyncio.gather(*(worker.close(GRACE_MS) for worker in workers))
    for task in (*adds, parent):
        task.cancel()
    await asyncio.gather(*adds, parent, return_exceptions=True)


def _worker(line: _Line, url: str, prefix: str, dice: random.Random) -> AsyncWorker:
    failure = FAILURES[line.story]

    async def process(job: AsyncJob) -> dict[str, Any]:
        await job.log(f"started {job.name}")
        seconds = dice.uniform(*line.takes_s)
        steps = max(1, round(seconds / 0.5))
        for step in range(1, steps + 1):
            await asyncio.sleep(seconds / steps)
            await job.update_progress(100 * step // steps)
        if dice.random() < line.fails:
            raise DemoError(failure.message.format(number=dice.randint(1, 99), attempt=dice.randint(1, 3)))
        return {"ok": True, "seconds": round(seconds, 1)}

    return AsyncWorker(
        line.queue, process, connection=url, prefix=prefix, concurrency=line.concurrency, name=f"{line.job}-demo"
    )


async def _add(line: _Line, url: str, prefix: str, stop: asyncio.Event) -> None:
    """Add a job now and then, with an id that counts on."""
    options = replace(OPTIONS, remove_on_complete=Keep(count=line.kept))
    queue = AsyncQueue(line.queue, connection=url, prefix=prefix, default_job_options=options)
    number = 10_000
    try:
        while not stop.is_set():
            number += 1
            await queue.add(line.job, {"number": number, "to": f"customer-{number}@example.com"})
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), line.every_s)
    finally:
        await queue.close()


async def _parent_ends(stop: asyncio.Event) -> None:
    """Notice that the program that started us is gone: our standard input closes."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()
    stop.set()


if __name__ == "__main__":
    configure(logging.ERROR)
    asyncio.run(main(sys.argv[1], sys.argv[2]))
