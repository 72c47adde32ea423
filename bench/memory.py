"""The memory of one worker process over many jobs: does it stay flat?

    .venv/bin/python -m bench.memory              # 100,000 jobs
    .venv/bin/python -m bench.memory 1000000
    .venv/bin/python -m bench.memory 1000000 --save

A worker of asyncio with 100 slots runs jobs that do nothing, on a server of its own. Finished jobs are removed, so the
queue is as short at the end as at the beginning, and every line should show the same size. Linux only: it reads
/proc.
"""

import argparse
import asyncio
import json
import multiprocessing
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench.section import replace_section, wrapped
from board.engine import AsyncJob, AsyncWorker, JobOptions, Queue
from tests.servers import Server

RESULT = Path(__file__).parent / "results" / "memory.json"
PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
JOBS = 100_000
BULK = 2_000
LINES = 20
CONCURRENCY = 100
AHEAD = 10_000
"""Most jobs in the queue: the server's memory, and the time to add them, stay out of the picture."""


def resident_mb() -> float:
    """Return the resident size of this process."""
    line = next(row for row in Path("/proc/self/status").read_text().splitlines() if row.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def work(url: str, jobs: int, step: int, report: Connection) -> None:
    """Run jobs and tell after every `step` how many there were, and how large this process is."""

    async def run() -> None:
        done = 0
        all_done = asyncio.Event()

        async def nothing(_job: AsyncJob) -> None:
            nonlocal done
            done += 1
            if done % step == 0:
                report.send((done, resident_mb()))
            if done == jobs:
                all_done.set()

        async with AsyncWorker("memory", nothing, connection=url, concurrency=CONCURRENCY):
            await all_done.wait()

    asyncio.run(run())


def measure(jobs: int) -> list[float]:
    """Run the jobs, printing a line for each twentieth of them; return the size after each, in MB."""
    step = max(jobs // LINES, 1)
    server = Server().start()
    told, report = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=work, args=(server.url, jobs, step, report))
    process.start()
    sizes: list[float] = []
    began = time.perf_counter()
    print(f"{'jobs':>10}{'seconds':>10}{'worker MB':>12}")
    with Queue("memory", connection=server.url) as queue:
        added = 0
        while len(sizes) < jobs // step:
            if added < jobs and queue.get_job_counts("waiting")["waiting"] < AHEAD:
                some = min(BULK, jobs - added)
                queue.add_bulk([("nothing", number, JobOptions(remove_on_complete=True)) for number in range(some)])
                added += some
            while told.poll(0 if added < jobs else 0.2):
                done, size = told.recv()
                sizes.append(size)
                print(f"{done:>10,}{time.perf_counter() - began:>10.1f}{size:>12.1f}", flush=True)
    process.join()
    server.destroy()
    return sizes


def section(result: dict[str, Any]) -> str:
    """Write what the page says of it."""
    sizes = result["sizes_mb"]
    lines = [
        "## The memory of a worker",
        "",
        *wrapped(
            f"One process with an asyncio worker of {CONCURRENCY} slots ran {result['jobs']:,} jobs: "
            f"{sizes[0]:.1f} MB resident after the first twentieth of them, {sizes[len(sizes) // 2]:.1f} MB after "
            f"half, {sizes[-1]:.1f} MB at the end, {max(sizes):.1f} MB at most. Repeat it with "
            f"`python -m bench.memory {result['jobs']}`."
        ),
    ]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Measure, print, and save if asked; 1 when the second half of the jobs made it grow by more than a tenth."""
    parser = argparse.ArgumentParser(description="The memory of one worker process over many jobs.")
    parser.add_argument("jobs", type=int, nargs="?")
    parser.add_argument("--quick", action="store_true", help="20,000 jobs")
    parser.add_argument("--save", action="store_true", help="write bench/results and docs/performance.md")
    given = parser.parse_args(arguments)
    jobs = given.jobs or (20_000 if given.quick else 1_000_000 if given.save else JOBS)
    sizes = measure(jobs)
    middle, last = sizes[len(sizes) // 2], sizes[-1]
    print(f"the second half changed it by {last - middle:+.1f} MB")
    if given.save:
        result = {"jobs": jobs, "sizes_mb": [round(size, 1) for size in sizes]}
        RESULT.write_text(json.dumps(result, indent=1) + "\n")
        replace_section(PAGE, "memory", "python -m bench.memory --save", section(result))
    return int(last > middle * 1.1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
