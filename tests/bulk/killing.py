"""A bulk retry whose web process is killed twice, with another client's PING timed throughout.

By hand, with the size that the documents tell of: ``python -m tests.bulk.killing --jobs 200000``. It starts a Redis of
its own and ``board serve``, kills all its processes with SIGKILL at a third and at two thirds, and starts it again.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from board.actions.perform import Actor, Desk
from board.audit import Audit
from board.auth.policy import Identity
from board.bulk import Run, Runs, plan, start
from board.engine.connection.sync import Connection
from board.engine.keys import QueueKeys
from board.namespace import Namespace
from board.service import wall_clock_ms
from tests.queries.conftest import Known
from tests.servers import Server, free_port
from tests.waiting import PATIENCE_S, wait_until

NAMESPACE = Namespace()
MAIL = QueueKeys("bull", "mail")


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it.

    Attributes:
        run: at its end.
        seconds: it took, kills included.
        acted: how often each job was set in motion, by the queue's own events.
        pings_ms: how long another client's PINGs took, sorted.
    """

    run: Run
    seconds: float
    acted: Counter[str]
    pings_ms: list[float]

    def ping(self, share: float) -> float:
        """Return the PING below which that share of all was."""
        return self.pings_ms[min(len(self.pings_ms) - 1, int(len(self.pings_ms) * share))]


def fill(client: redis.Redis, jobs: int) -> None:
    """Store failed jobs in a queue whose events are all kept."""
    client.hset(MAIL.key("meta"), mapping={"version": "bullmq:6.7.0", "opts.maxLenEvents": 10_000_000})
    now = wall_clock_ms()
    for first in range(0, jobs, 1_000):
        pipeline = client.pipeline(transaction=False)
        for n in range(first, min(jobs, first + 1_000)):
            fields: dict[Any, Any] = {
                "name": "send",
                "data": f'{{"n":{n}}}',
                "opts": '{"attempts":3}',
                "timestamp": now - 60_000,
            }
            ended: dict[Any, Any] = {
                "delay": 0,
                "priority": 0,
                "finishedOn": now - 1_000,
                "atm": 3,
                "failedReason": "no route",
            }
            pipeline.hset(MAIL.job(f"{n}"), mapping={**fields, **ended})
            pipeline.zadd(MAIL.key("failed"), {f"{n}": now - 1_000 - (jobs - n) // 10})
        pipeline.execute()


class Web:
    """``board serve`` in processes of its own, killed all at once."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url, self._folder = url, folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it on a free port."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("BOARD_", "REDIS_URL"))}
        with (self._folder / "web.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "board", "serve"],
                env={**kept, "REDIS_URL": self._url, "BOARD_SECRET_KEY": "k" * 40, "PORT": str(free_port())},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """Kill the server and its workers without a word."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(PATIENCE_S)
            self._process = None


def prove(server: Server, folder: Path, *, jobs: int, pace: int, waits_for_lease: bool) -> Report:
    """Fill, start the run, kill the web twice, wait for the end.

    ``waits_for_lease`` False takes the dead process's lease away at once, as fifteen seconds would.
    """
    client = redis.Redis.from_url(server.url, decode_responses=True)
    fill(client, jobs)
    web, runs = Web(server.url, folder), Runs(NAMESPACE)
    pings: list[float] = []
    ending = threading.Event()

    def ping() -> None:
        other = redis.Redis.from_url(server.url)
        while not ending.wait(0.002):
            begun = time.perf_counter()
            other.ping()
            pings.append((time.perf_counter() - begun) * 1000)
        other.close()

    with Connection.open(server.url) as connection:
        desk = Desk(connection, Audit(NAMESPACE, 100), is_read_only=False, clock=wall_clock_ms)
        actor = Actor(Identity("ann", "admin"))
        spec = plan(desk, actor, Known(), "retry", [(MAIL, "failed")], pace=pace).spec
        run_id = start(desk, actor, NAMESPACE, spec)

        def now() -> Run:
            run = connection.call(runs.read(run_id))
            assert run is not None
            return run

        begun = time.monotonic()
        pinging = threading.Thread(target=ping)
        pinging.start()
        try:
            for share in (1 / 3, 2 / 3):
                web.start()
                wait_until(lambda share=share: now().looked >= jobs * share, "a third more", timeout=900)  # type: ignore[misc]
                web.kill()
                before = now()
                assert 0 < before.looked < jobs, "it was over before it was killed"
                if not waits_for_lease:
                    client.delete(NAMESPACE.lease("bulk")[0])
            web.start()
            wait_until(lambda: now().is_over, "the end of the run", timeout=900)
        finally:
            ending.set()
            pinging.join()
            web.kill()
        events: list[Any] = list(client.xrange(MAIL.key("events")) or ())
        acted = Counter(fields["jobId"] for _, fields in events if fields.get("prev") == "failed")
        report = Report(now(), time.monotonic() - begun, acted, sorted(pings))
    client.close()
    return report


def main() -> None:
    """Run it by hand and tell the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=200_000)
    parser.add_argument("--pace", type=int, default=0)
    asked = parser.parse_args()
    server = Server()
    server.start()
    try:
        report = prove(server, server.directory, jobs=asked.jobs, pace=asked.pace, waits_for_lease=True)
    finally:
        server.destroy()
    run = report.run
    print(f"{run.status}: {run.done:,} retried, {run.unsure} not repeated, {run.left} left, in {report.seconds:.0f} s")
    print(f"set in motion: {len(report.acted):,} jobs, at most {max(report.acted.values())} time each")
    percentiles = ", ".join(f"p{share * 100:g} {report.ping(share):.2f} ms" for share in (0.5, 0.95, 0.99, 0.999))
    print(f"{len(report.pings_ms):,} PINGs of another client: {percentiles}, longest {report.pings_ms[-1]:.1f} ms")


if __name__ == "__main__":
    main()
