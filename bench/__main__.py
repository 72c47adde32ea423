"""How many jobs a second: our engine and the real Node BullMQ, the same work on the same server.

    make bench

Every number is the best of three rounds on an idle server of its own; jobs do nothing, so what is measured is the
queue. Node runs in the driver of the interop tests: what its worker does there costs nothing extra, while the answers
of `addBulk` come back through a pipe. Compare the columns of one run, not the runs of two machines.
"""

import asyncio
import sys
import time
from collections.abc import Callable

from bench import dashboard
from board.engine import AsyncJob, AsyncQueue, AsyncWorker, Queue
from tests.interop.node import Complete, NodeBullMQ, NodeMissingError
from tests.servers import Server
from tests.waiting import wait_until, wait_until_async

JOBS = 5_000
BULK = 500
CONCURRENCY = 50
ROUNDS = 3


def add_one_by_one(url: str) -> float:
    """Add jobs with the blocking front, each in a round trip of its own."""
    queue = Queue("bench", connection=url)
    began = time.perf_counter()
    for number in range(JOBS):
        queue.add("nothing", {"number": number})
    elapsed = time.perf_counter() - began
    queue.close()
    return JOBS / elapsed


def add_in_bulk(url: str) -> float:
    """Add the same jobs, 500 in a call."""
    queue = Queue("bench", connection=url)
    began = time.perf_counter()
    for start in range(0, JOBS, BULK):
        queue.add_bulk([("nothing", {"number": number}) for number in range(start, start + BULK)])
    elapsed = time.perf_counter() - began
    queue.close()
    return JOBS / elapsed


def process(url: str) -> float:
    """Drain a full queue with one asyncio worker."""
    add_in_bulk(url)
    return asyncio.run(_drain(url))


async def _drain(url: str) -> float:
    async def nothing(_job: AsyncJob) -> None:
        return None

    queue = AsyncQueue("bench", connection=url)
    worker = AsyncWorker("bench", nothing, connection=url, concurrency=CONCURRENCY)
    began = time.perf_counter()
    running = asyncio.create_task(worker.run())

    async def is_done() -> bool:
        return (await queue.get_job_counts("completed"))["completed"] == JOBS

    await wait_until_async(is_done, "the queue to drain", timeout=120)
    elapsed = time.perf_counter() - began
    await worker.close()
    await running
    await queue.close()
    return JOBS / elapsed


def node_add_in_bulk(url: str) -> float:
    """`Queue.addBulk` of Node BullMQ 6."""
    node = NodeBullMQ(6, url).start()
    began = time.perf_counter()
    for start in range(0, JOBS, BULK):
        node.add_bulk("bench", [("nothing", {"number": number}, {}) for number in range(start, start + BULK)])
    elapsed = time.perf_counter() - began
    node.close()
    return JOBS / elapsed


def node_process(url: str) -> float:
    """Drain the same queue with one worker of Node BullMQ 6."""
    add_in_bulk(url)
    node = NodeBullMQ(6, url).start()
    began = time.perf_counter()
    with node.worker("bench", Complete(None), concurrency=CONCURRENCY):
        wait_until(lambda: node.counts("bench")["completed"] == JOBS, "Node to drain the queue", timeout=120)
        elapsed = time.perf_counter() - began
    node.close()
    return JOBS / elapsed


def best(measure: Callable[[str], float], server: Server) -> float:
    """Measure three times on an empty server; the best round is the one least disturbed."""
    rates = []
    for _ in range(ROUNDS):
        server.flush()
        rates.append(measure(server.url))
    return max(rates)


def main() -> int:
    """Print one line a measurement."""
    server = Server().start()
    rows: list[tuple[str, Callable[[str], float], Callable[[str], float] | None]] = [
        ("add, one call each", add_one_by_one, None),
        (f"add_bulk, {BULK} a call", add_in_bulk, node_add_in_bulk),
        (f"process, {CONCURRENCY} at once", process, node_process),
    ]
    print(f"{'jobs a second':<26}{'ours':>10}{'Node 6':>10}")
    try:
        for name, ours, node in rows:
            mine = best(ours, server)
            other = f"{best(node, server):>10,.0f}" if node else f"{'':>10}"
            print(f"{name:<26}{mine:>10,.0f}{other}", flush=True)
    except NodeMissingError as missing:
        print(missing, file=sys.stderr)
        return 1
    finally:
        server.destroy()
    return 0


if __name__ == "__main__":
    sys.exit(main() or dashboard.main(sys.argv[1:]))
