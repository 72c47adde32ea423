"""Where the time of a job goes, and how far the worker is from the limit of the machine.

    python -m bench.limit [--quick] [--rounds 5] [--save]

The limit is the same script on the same server, driven by as little Python as can be: runs of 50 jobs that end and take
the next, two on their way, packed by hand, nothing decoded but ids. What our worker takes longer is what it does for a
job besides; the profile says on what.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import os
import pstats
import socket
import statistics
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import hiredis

from bench.engine import PAGE, PAYLOAD, measure
from bench.ours import Work
from bench.section import replace_section, wrapped
from board.engine import Queue
from board.engine.codec import joined, pack
from board.engine.commands.leases import FetchNext, complete_job, fetch_job
from board.engine.keys import QueueKeys
from tests.servers import Server

RESULT = Path(__file__).parent / "results" / "limit.json"
JOBS = 20_000
RUN = 50
NOTHING = 2
"""Numbers that are told where there was no next job."""

BUSY = 2
QUEUE = QueueKeys("bull", "bench")
TAKER = FetchNext(30_000)
PLACES = (
    ("waiting for Redis and the kernel", ("epoll", "_socket", "selectors")),
    ("the event loop of Python", ("asyncio", "_asyncio", "contextvars")),
    ("the connection: packets, replies", ("connection/", "hiredis")),
    ("describing what Redis is to do", ("commands/", "msgpack", "calls.py", "scripts/")),
    ("decoding jobs, encoding results", ("codec.py", "json", "job_view.py", "types.py")),
    ("the worker's mind: slots, locks, what next", ("worker/machine.py", "worker/messages.py", "clock.py")),
    ("running and settling a job, listeners", ("aio/", "worker/")),
)


def bare(server: Server, jobs: int) -> float:
    """Return the jobs a second of the loop that does nothing else."""
    server.flush()
    with Queue("bench", connection=server.url) as queue:
        for _ in range(0, jobs, 1000):
            queue.add_bulk([("job", PAYLOAD) for _ in range(1000)])
    script = complete_job(QUEUE, "1", token="t", return_text="null", now_ms=0).script  # noqa: S106 - a lock's
    first = fetch_job(QUEUE, token="t", lock_ms=30_000, now_ms=0)  # noqa: S106 - same
    if script is None or first.script is None:
        raise RuntimeError("no scripts")
    client = server.client()
    client.script_load(script.source)
    now_ms = time.time_ns() // 1_000_000
    token = "bench"  # noqa: S105 - same
    taking = b"\x92" + pack((str(now_ms), token)) + TAKER.packed
    held: list[list[str]] = [
        [str(reply[0]) for reply in client.eval(first.script.source, 1, QUEUE.base, joined([taking] * RUN), "1")]
        for _ in range(BUSY)
    ]
    with socket.create_connection(("127.0.0.1", server.port)) as wire:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reader, sent, over = hiredis.Reader(), 0, 0

        def send(ids: Iterable[str]) -> None:
            text = str(time.time_ns() // 1_000_000)
            items = [b"\x96" + pack((text, one, token, "completed", "null"))[1:] + TAKER.packed for one in ids]
            command: Any = ("EVALSHA", script.sha, 1, QUEUE.base, joined(items), "1")
            wire.sendall(hiredis.pack_command(command))

        begun = time.perf_counter()
        for ids in held:
            send(ids)
            sent += len(ids)
        while over < sent:
            while (replies := reader.gets()) is False:
                reader.feed(wire.recv(1 << 18))
            if isinstance(replies, hiredis.ReplyError):
                raise replies
            refused = [reply for reply in replies if not isinstance(reply, list) and reply != 0]  # 0: no next one
            if refused:
                raise RuntimeError(f"an end was refused: {refused[0]!r}")
            over += len(replies)
            ids = [reply[0].decode() for reply in replies if isinstance(reply, list) and len(reply) > NOTHING]
            if ids:
                send(ids)
                sent += len(ids)
        per_second = sent / (time.perf_counter() - begun)
    if sent != jobs:
        raise RuntimeError(f"{sent} jobs ended, and {jobs} were there")
    return per_second


def profile(server: Server, jobs: int) -> list[tuple[str, float]]:
    """Return where the time of a drain at 50 goes, by part, as shares of all; the profiler's own cost is in it."""
    server.flush()
    work = Work({"work": "drain", "jobs": jobs, "concurrency": 50, "payload": PAYLOAD, "port": server.port})
    watcher = cProfile.Profile()

    async def drain() -> None:
        from board.engine import AsyncQueue  # noqa: PLC0415 - of the engine's asyncio front, needed here alone

        async with AsyncQueue("bench", connection=server.url) as queue:
            await work.fill(queue)
            watcher.enable()
            await work.drain(queue)
            watcher.disable()
            await work.leave()

    asyncio.run(drain())
    stats: Any = pstats.Stats(watcher)
    shares = {title: 0.0 for title, _ in PLACES} | {"the rest": 0.0}
    total = 0.0
    for (file, _, name), (_, _, own, _, _) in stats.stats.items():
        where = f"{file} {name}"
        title = next((title for title, marks in PLACES if any(mark in where for mark in marks)), "the rest")
        shares[title] += own
        total += own
    return [(title, share / total) for title, share in shares.items()]


def report(result: dict[str, Any]) -> str:
    """Tell the results."""
    bare_us, ours_us = 1e6 / result["bare"], 1e6 / result["ours"]
    lines = [
        "## Where the time goes",
        "",
        *wrapped(
            "The limit on this machine is the same script on the same server, driven by as little Python as can be: "
            f"runs of {RUN} jobs that end and take the next, two on their way, nothing decoded but ids: "
            f"{result['bare']:,.0f} jobs/s, {bare_us:.0f} µs a job. Our worker at concurrency 100 drains "
            f"{result['ours']:,.0f} jobs/s, {ours_us:.0f} µs a job: it is at {result['share']:.0%} of that. A job "
            f"costs it {result['client_us']:.0f} µs of CPU, and Redis {result['redis_us']:.0f} µs. Where "
            "Python's part goes (shares of a profile, in which calls weigh more than they do):"
        ),
        "",
        "| part | share |",
        "|---|---:|",
        *(f"| {title} | {share:.0%} |" for title, share in result["profile"]),
        "",
        *wrapped(
            f"Medians of {result['rounds']} rounds, interleaved, under a load of {result['load']}. Repeat it with "
            "`python -m bench.limit`."
        ),
    ]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Measure, print, and save if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="two rounds with a fifth of the jobs")
    parser.add_argument("--save", action="store_true", help="write bench/results and docs/performance.md")
    given = parser.parse_args(arguments)
    rounds, jobs = (2, JOBS // 5) if given.quick else (given.rounds, JOBS)
    load = os.getloadavg()[0]
    server = Server().start()
    try:
        pairs = [(bare(server, jobs), measure("ours", "drain-100", server, jobs)) for _ in range(rounds)]
        parts = profile(server, jobs)
    finally:
        server.destroy()
    result: dict[str, Any] = {
        "rounds": rounds,
        "load": f"{load:.1f} to {os.getloadavg()[0]:.1f}",
        "bare": statistics.median(rate for rate, _ in pairs),
        "ours": statistics.median(told["per_second"] for _, told in pairs),
        "share": statistics.median(told["per_second"] / rate for rate, told in pairs),
        "client_us": statistics.median(told["client_ms"] for _, told in pairs) * 1000,
        "redis_us": statistics.median(told["redis_ms"] for _, told in pairs) * 1000,
        "profile": parts,
    }
    text = report(result)
    print(text)
    if given.save:
        RESULT.write_text(json.dumps(result, indent=1) + "\n")
        replace_section(PAGE, "limit", "python -m bench.limit --save", text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
