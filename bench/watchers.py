"""A thousand people who watch the overview of 200 busy queues, beside one who does, and nobody.

    python -m bench.watchers                       nobody, one, then a thousand, thirty seconds each
    python -m bench.watchers --watchers 100 --seconds 10

`board serve` runs as it is meant to, on a Redis of its own; queues change all the time. Each watcher keeps one
connection and does what the page does: refreshes the live region every five seconds and says what it has already; they
have signed in twenty times. All watch from one process, which takes its share of the machine. What Redis carried out is
read from Redis, less what the changes of the queues cost, which is the number of commands that were sent for them;
processor time and memory of the board come from the kernel.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Self

import redis

from bench.dashboard import PASSWORD, RESULT, TICK, Dashboard, _spent, seed, start_ours
from tests.cli.visitor import Visitor
from tests.servers import Server

QUEUES = 200
EVERY_SECONDS = 5.0
SIGN_INS = 20
CHANGES = 100
"""Queues that change in a second."""


@dataclass(slots=True)
class Seen:
    """What the watchers saw.

    Attributes:
        times: how long each refresh took, seconds.
        statuses: how many came with which status.
        bytes: of the answers.
    """

    times: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Figures:
    """What so many watchers cost."""

    watchers: int
    refreshes_a_second: float
    redis_commands_a_second: float
    redis_cpu_percent: float
    board_cpu_percent: float
    p50_ms: float
    p99_ms: float
    kb_a_refresh: float
    board_rss_mb: float
    statuses: dict[str, int]


class Busy:
    """Changes queues, one after the other, with commands that can be counted."""

    def __init__(self, url: str, names: Sequence[str]) -> None:
        """Connect; `with` begins."""
        self._client = redis.Redis.from_url(url)
        self._names = names
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.commands = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._ending.set()
        self._thread.join()
        self._client.close()

    def _run(self) -> None:
        for number, name in enumerate(itertools.cycle(self._names)):
            if self._ending.wait(1 / CHANGES):
                return
            pipe = self._client.pipeline(transaction=False)
            pipe.lpush(f"bull:{name}:wait", f"busy-{number}")
            pipe.ltrim(f"bull:{name}:wait", 0, 20 + number % 50)
            pipe.execute()
            self.commands += 2


async def watch(dashboard: Dashboard, cookie: str, begins: float, ends: float, seen: Seen) -> None:
    """Refresh the overview on one connection."""
    await asyncio.sleep(max(0.0, begins - time.monotonic()))
    reader, writer = await asyncio.open_connection("127.0.0.1", dashboard.port)
    tag, due = "", begins
    while due < ends:
        headers = {**dashboard.headers, **TICK, "Cookie": cookie, **({"If-None-Match": tag} if tag else {})}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        began = time.monotonic()
        if writer.is_closing():
            reader, writer = await asyncio.open_connection("127.0.0.1", dashboard.port)
        try:
            writer.write(f"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        except (asyncio.IncompleteReadError, ConnectionError):  # kept alive for five seconds, as long as it was idle
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", dashboard.port)
            writer.write(f"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        found = dict(line.partition(": ")[::2] for line in head.split("\r\n")[1:] if line)
        body = await reader.readexactly(int(found.get("content-length", 0)))
        if "close" in found.get("connection", ""):
            writer.close()
        seen.times.append(time.monotonic() - began)
        seen.statuses[head.split()[1]] += 1
        seen.bytes += len(head) + len(body)
        tag = found.get("etag", tag).replace('w/"', 'W/"')
        due += EVERY_SECONDS
        await asyncio.sleep(max(0.0, due - time.monotonic()))
    writer.close()


def measure(
    client: redis.Redis, dashboard: Dashboard, cookies: Sequence[str], busy: Busy, *, watchers: int, seconds: float
) -> Figures:
    """Let so many watch for a time."""
    seen = Seen()

    async def all_of_them() -> None:
        now = time.monotonic()
        begins = [now + EVERY_SECONDS * number / watchers for number in range(watchers)]
        whose = zip(itertools.cycle(cookies), begins)
        watching = (watch(dashboard, cookie, begin, now + seconds, seen) for cookie, begin in whose)
        await asyncio.gather(asyncio.sleep(seconds), *watching)

    before, fed, cpu, began = _spent(client), busy.commands, dashboard.cpu_ms(), time.monotonic()
    asyncio.run(all_of_them())
    took = time.monotonic() - began
    after = _spent(client)
    spent = after[0] - before[0] - (busy.commands - fed)
    times = sorted(seen.times) or [0.0]
    return Figures(
        watchers=watchers,
        refreshes_a_second=round(len(seen.times) / took, 1),
        redis_commands_a_second=round(spent / took, 1),
        redis_cpu_percent=round((after[1] - before[1]) / took / 10, 1),
        board_cpu_percent=round((dashboard.cpu_ms() - cpu) / took / 10, 1),
        p50_ms=round(times[len(times) // 2] * 1000, 1),
        p99_ms=round(times[min(len(times) - 1, len(times) * 99 // 100)] * 1000, 1),
        kb_a_refresh=round(seen.bytes / len(times) / 1024, 1),
        board_rss_mb=round(sum(_rss_mb(pid) for pid in dashboard.pids), 1),
        statuses=dict(seen.statuses),
    )


def prove(watchers: int, seconds: float) -> list[Figures]:
    """Let one watch, then many; a first round that nobody counts warms everything up."""
    with contextlib.ExitStack() as stack:
        server = Server().start()
        stack.callback(server.destroy)
        client = stack.enter_context(contextlib.closing(server.client()))
        names = seed(client, QUEUES)
        dashboard = start_ours(server.url)
        stack.callback(dashboard.stop)
        busy = stack.enter_context(Busy(server.url, names))
        cookies = [sign_in(dashboard) for _ in range(SIGN_INS)]
        measure(client, dashboard, cookies, busy, watchers=1, seconds=EVERY_SECONDS)
        return [
            measure(client, dashboard, cookies, busy, watchers=count, seconds=seconds) for count in (0, 1, watchers)
        ]


def sign_in(dashboard: Dashboard) -> str:
    """Sign in once more and return the cookies."""
    jar = CookieJar()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(jar))
    Visitor(f"http://127.0.0.1:{dashboard.port}", opener).sign_in("admin", PASSWORD)
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


def _rss_mb(pid: int) -> float:
    with Path(
        f"/proc/{pid}/smaps_rollup"
    ).open() as about:  # what it has alone, and its share of what it has with others
        return sum(int(line.split()[1]) for line in about if line.startswith("Pss:")) / 1024


def main(arguments: Sequence[str] = ()) -> int:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(prog="python -m bench.watchers", description=__doc__)
    parser.add_argument("--watchers", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--save", action="store_true", help="keep the figures in bench/results")
    asked = parser.parse_args(arguments)
    load = os.getloadavg()[0]
    nobody, one, many = prove(asked.watchers, asked.seconds)
    print(f"{QUEUES} queues, {CHANGES} of them change in a second; load of the machine before: {load:.1f}")
    every = [asdict(one_of_them) for one_of_them in (nobody, one, many)]
    for name in every[0]:
        print(f"{name.replace('_', ' '):26}", *(f"{figures[name]!s:>14}" for figures in every))
    each = 1024 * (many.board_rss_mb - one.board_rss_mb) / max(1, many.watchers - 1)
    print(f"memory of the board for each watcher: {each:.1f} KB")
    if asked.save:
        told = {"load before": round(load, 1), "figures": every, "KB a watcher": round(each, 1)}
        RESULT.with_name("watchers.json").write_text(json.dumps(told, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
