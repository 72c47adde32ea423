"""How a pool of processes grows with the cores.

python -m bench.processes [--quick] [--rounds 7] [--save]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from bench.engine import PAGE
from bench.section import replace_section, wrapped
from board.engine import Queue, Worker
from tests.servers import Server

RESULT = Path(__file__).parent / "results" / "processes.json"
PROCESSOR = "bench.processes:compute"


def compute(_job: object) -> int:
    """Keep a core busy for some 20 ms."""
    total = 0
    for number in range(300_000):
        total += number % 7
    return total


def pooled(server: Server, processes: int, jobs: int) -> float:
    """Return the jobs a second of a pool."""
    server.flush()
    with Queue("bench", connection=server.url) as queue:
        queue.add_bulk([("warm", {}) for _ in range(2 * processes)])
        ended: list[float] = []
        worker = Worker("bench", PROCESSOR, connection=server.url, executor="process", concurrency=processes)
        worker.on("completed", lambda *_: ended.append(time.perf_counter()))
        with worker:
            while len(ended) < 2 * processes:
                time.sleep(0.01)
            ended.clear()
            begun = time.perf_counter()
            queue.add_bulk([("job", {}) for _ in range(jobs)])
            while len(ended) < jobs:
                time.sleep(0.005)
            return jobs / (ended[-1] - begun)


def report(result: dict[str, Any]) -> str:
    """Tell the results as tables."""
    lines = [
        "## Using more cores",
        "",
        *wrapped(
            'Jobs that compute for some 20 ms, in a pool of processes (`executor="process"`), on '
            f"{result['cores']} cores that Redis and everything else shared:"
        ),
        "",
        "| processes | jobs/s | beside one |",
        "|---:|---:|---:|",
        *(
            f"| {number} | {rate:,.0f} | {rate / result['pool']['1']:.2f} × |"
            for number, rate in result["pool"].items()
        ),
        "",
        *wrapped(
            f"Medians of {result['rounds']} rounds, interleaved, under a load of {result['load']}. Repeat it with "
            "`python -m bench.processes`."
        ),
    ]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Measure, print, and save if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="three rounds with few jobs")
    parser.add_argument("--save", action="store_true", help="write bench/results and docs/performance.md")
    given = parser.parse_args(arguments)
    rounds, jobs = (3, 40) if given.quick else (given.rounds, 200)
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    sizes = sorted({1, 2, cores})
    pool: dict[str, list[float]] = {str(size): [] for size in sizes}
    server = Server().start()
    try:
        for _ in range(rounds):
            for size in sizes:
                pool[str(size)].append(pooled(server, size, jobs))
    finally:
        server.destroy()
    result: dict[str, Any] = {
        "rounds": rounds,
        "cores": cores,
        "load": f"{load:.1f} to {os.getloadavg()[0]:.1f}",
        "pool": {size: statistics.median(rates) for size, rates in pool.items()},
    }
    text = report(result)
    print(text)
    if given.save:
        RESULT.write_text(json.dumps(result, indent=1) + "\n")
        replace_section(PAGE, "processes", "python -m bench.processes --save", text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
