"""How long one run of each long script holds Redis at a million jobs, and how long other clients wait meanwhile.

    python -m bench.scripts [--jobs 1000000] [--quick] [--save]

Each state is filled with so many jobs, then emptied the way people do it, while another client, a process of its own
that waits for nobody but Redis, sends PING. Told are the longest run of a script (``SLOWLOG``) and the latency of PING.
The slow log counts wall time: where other programs take the CPU from Redis in the middle of a run, the run looks long.
So a script of a fixed length, some milliseconds of pure computing, is measured in the same way, before and after: what
it took longer than usual is the machine's doing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import redis

from bench.section import replace_section, wrapped
from board.engine import AsyncJob, AsyncWorker, FlowJob, FlowProducer, JobState, Keep, Queue
from board.engine.scripts import loader
from tests.servers import Server

HERE = Path(__file__).parent
RESULT = HERE / "results" / "scripts.json"
PAGE = HERE.parent / "docs" / "performance.md"
COMPUTE = "local sum = 0 for i = 1, 40000 do sum = sum + i % 7 end return sum"
NOW = int(time.time() * 1000)
PART = 2_000


@dataclass(slots=True)
class Watch:
    """What was seen while something went on: milliseconds."""

    seconds: float = 0.0
    pings_ms: list[float] = field(default_factory=list)
    longest_ms: float = 0.0
    over_5_ms: int = 0
    usual_ms: float = 0.0
    longest: str = ""

    def told(self) -> dict[str, float | str]:
        """Return it as numbers."""
        pings = sorted(self.pings_ms) or [0.0]
        return {
            "seconds": self.seconds,
            "longest_ms": self.longest_ms,
            "longest": self.longest,
            "median_of_slow_ms": self.usual_ms,
            "over_5_ms": self.over_5_ms,
            "ping_p99_ms": pings[int(len(pings) * 0.99)],
            "ping_worst_ms": pings[-1],
        }


def ping(url: str, pipe: Pipe) -> None:
    """Send PING once a millisecond until told to end; then tell how long each took, in milliseconds."""
    client, took = redis.Redis.from_url(url), list[float]()
    client.ping()
    pipe.send("ready")
    while not pipe.poll(0.001):
        begun = time.perf_counter()
        client.ping()
        took.append((time.perf_counter() - begun) * 1000)
    pipe.send(took)


@contextmanager
def watching(server: Server) -> Iterator[Watch]:
    """Let another process send PING, and read the slow log at the end."""
    watch, client = Watch(), server.client()
    fresh = multiprocessing.get_context("spawn")
    ours, theirs = fresh.Pipe()
    process = fresh.Process(target=ping, args=(server.url, theirs))
    process.start()
    ours.recv()
    client.config_set("slowlog-log-slower-than", 1000)
    client.config_set("slowlog-max-len", 100_000)
    client.slowlog_reset()

    begun = time.perf_counter()
    try:
        yield watch
    finally:
        watch.seconds = time.perf_counter() - begun
        ours.send("over")
        watch.pings_ms = ours.recv()
        process.join()
    slow: Any = client.slowlog_get(100_000)
    runs = sorted(
        (entry["duration"] / 1000, entry["command"]) for entry in slow if entry["command"].startswith(b"EVAL")
    )
    watch.over_5_ms = sum(run > 5 for run, _ in runs)
    if runs:
        watch.longest_ms, command = runs[-1]
        watch.usual_ms = runs[len(runs) // 2][0]
        watch.longest = next(
            (name for name in loader.names() if loader.load(name).sha.encode() in command), "a first run"
        )


class Field:
    """A queue full of jobs in one state.

    Args:
        server: emptied for it.
        jobs: how many.
    """

    def __init__(self, server: Server, jobs: int) -> None:
        server.flush()
        self.jobs = jobs
        self.url = server.url
        self.client = server.client()
        self.queue = Queue("bench", connection=server.url)

    def fill(self, state: JobState) -> None:
        """Write the jobs as they look in that state."""
        base = "bull:bench:"
        self.client.set(f"{base}id", self.jobs)
        self.client.hset(f"{base}meta", mapping={"opts.maxLenEvents": 10_000, "version": "bullmq:6.7.0"})
        for first in range(0, self.jobs, PART):
            pipe = self.client.pipeline(transaction=False)
            ids = [str(number) for number in range(first, first + PART)]
            for job_id in ids:
                fields: dict[str, Any] = {
                    "name": "x",
                    "data": "{}",
                    "opts": '{"attempts":0}',
                    "timestamp": NOW,
                    "delay": 0,
                }
                if state in (JobState.COMPLETED, JobState.FAILED):
                    fields |= {"finishedOn": NOW, "processedOn": NOW, "atm": 1, "ats": 1}
                pipe.hset(f"{base}{job_id}", items=[part for pair in fields.items() for part in pair])
            if state in (JobState.WAITING, JobState.ACTIVE):
                pipe.lpush(base + ("wait" if state is JobState.WAITING else "active"), *ids)
            else:
                score = {JobState.DELAYED: (NOW - 1000) * 4096, JobState.PRIORITIZED: 4294967296}.get(state, NOW)
                pipe.zadd(base + state.value, {job_id: score + int(job_id) % 1000 for job_id in ids})
            pipe.execute()

    def work(self, jobs: int, **options: Any) -> None:
        """Let a worker of 50 run some jobs."""
        asyncio.run(self._work(jobs, options))

    async def _work(self, jobs: int, options: dict[str, Any]) -> None:
        done, count = asyncio.Event(), 0

        async def nothing(_job: AsyncJob) -> None:
            nonlocal count
            count += 1
            if count >= jobs:
                done.set()

        async with AsyncWorker("bench", nothing, connection=self.url, concurrency=50, **options):
            await done.wait()


def promotion(field: Field) -> Callable[[], None]:
    """All delayed jobs are due; a worker takes some."""
    field.fill(JobState.DELAYED)
    return lambda: field.work(5_000)


def stalled(field: Field) -> Callable[[], None]:
    """10,000 jobs are active and nobody has them; more do not run at once anywhere."""
    field.jobs = min(field.jobs, 10_000)
    field.fill(JobState.ACTIVE)
    return lambda: field.work(1_000, stalled_interval=500)


def retention(field: Field) -> Callable[[], None]:
    """A worker that keeps few comes to a queue that has kept all."""
    field.fill(JobState.COMPLETED)
    field.queue.add_bulk([("x", {}) for _ in range(5_000)])
    return lambda: field.work(5_000, remove_on_complete=Keep(count=100))


def retention_by_age(field: Field) -> Callable[[], None]:
    """The same by age."""
    field.fill(JobState.COMPLETED)
    field.queue.add_bulk([("x", {}) for _ in range(5_000)])
    return lambda: field.work(5_000, remove_on_complete=Keep(age=1))


def clean(field: Field) -> Callable[[], None]:
    """Clean all completed jobs."""
    field.fill(JobState.COMPLETED)
    return lambda: _none(field.queue.clean(0, field.jobs, "completed"))


def drain(field: Field) -> Callable[[], None]:
    """Drain all waiting jobs."""
    field.fill(JobState.WAITING)
    return lambda: _none(field.queue.drain())


def retry(field: Field) -> Callable[[], None]:
    """Retry all failed jobs."""
    field.fill(JobState.FAILED)
    return lambda: _none(field.queue.retry_jobs())


def obliterate(field: Field) -> Callable[[], None]:
    """Obliterate the queue."""
    field.fill(JobState.COMPLETED)
    return lambda: field.queue.obliterate(force=True)


def flow(field: Field) -> Callable[[], None]:
    """A parent with 10,000 children, added and worked off."""
    children = [FlowJob("child", queue="bench", data={}) for _ in range(min(10_000, field.jobs))]

    def work() -> None:
        with FlowProducer(connection=field.url) as flows:
            flows.add(FlowJob("parent", queue="bench", data={}, children=children))
        field.work(len(children) + 1)

    return work


def control(field: Field) -> Callable[[], None]:
    """Nothing of ours: a script that only computes, always the same."""

    def work() -> None:
        for _ in range(1_000):
            field.client.eval(COMPUTE, 0)

    return work


DEEDS = (control, promotion, stalled, retention, retention_by_age, clean, drain, retry, obliterate, flow)


def _none(_result: object) -> None:
    """Want no result."""


def report(result: dict[str, Any]) -> str:
    """Tell the results as a table."""
    lines = [
        "## How long Redis is held",
        "",
        *wrapped(
            f"With {result['jobs']:,} jobs in the state that is worked on: the longest run of any script, how many "
            "runs took more than 5 ms, and how long another client waited for PING meanwhile, one a millisecond. The "
            "first line is a script that only computes: what its longest run took more than its median is what other "
            "programs on the machine did to Redis."
        ),
        "",
        "| work | s | longest run, ms | median of the runs over 1 ms | over 5 ms | PING p99, ms | PING worst, ms |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row['what']} | {row['seconds']:.1f} | {row['longest_ms']:.1f} | {row['median_of_slow_ms']:.1f} "
        f"| {row['over_5_ms']} | {row['ping_p99_ms']:.1f} | {row['ping_worst_ms']:.1f} |"
        for row in result["rows"].values()
    ]
    lines += [
        "",
        *wrapped(
            "The stalled check, clean, drain, retry, obliterate and retention go in runs of at most 100 jobs, "
            "promotion of at most 50, with other clients in between. A flow is one transaction whatever its size, so "
            "that it is there as a whole or not at all: each of its scripts adds at most 50 nodes, and all of them "
            "together hold Redis for about ten microseconds a node. Steps would bring little, and cost much: with all "
            "hashes written before, announcing the jobs and putting them in line would still take a third of that, and "
            "a hash that is there early keeps others from adding a job of that id, which nobody would have if the flow "
            "never came. Taking one waiting job out of the middle of a list "
            "of a million is the one thing that a list cannot do in less. Repeat it with `python -m bench.scripts`."
        ),
    ]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Measure, print and save."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--only", default=",".join(deed.__name__ for deed in DEEDS))
    parser.add_argument("--quick", action="store_true", help="with 20,000 jobs")
    parser.add_argument("--save", action="store_true", help="write bench/results and docs/performance.md")
    given = parser.parse_args(arguments)
    jobs = 20_000 if given.quick else given.jobs
    logging.getLogger("board").setLevel(logging.CRITICAL)
    server = Server().start()
    rows = {}
    try:
        for deed in DEEDS:
            if deed.__name__ not in given.only.split(","):
                continue
            field = Field(server, jobs)
            do = deed(field)
            with watching(server) as watch:
                do()
            rows[deed.__name__] = {"what": (deed.__doc__ or "").rstrip("."), **watch.told()}
            field.queue.close()
            print(deed.__name__, json.dumps(watch.told(), default=str), flush=True)
    finally:
        server.destroy()
    result = {"jobs": jobs, "rows": rows}
    text = report(result)
    print(text)
    if given.save:
        RESULT.write_text(json.dumps(result, indent=1) + "\n")
        replace_section(PAGE, "scripts", "python -m bench.scripts --save", text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
