"""Whoever records is killed with SIGKILL, and the next one goes on where it stopped: nothing twice, nothing missed."""

import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import redis

from board.engine.connection.sync import Connection
from board.engine.keys import QueueKeys
from board.namespace import Namespace
from tests.faults.fleet import now_ms, write_down
from tests.recorder.conftest import HISTORY, hour_of
from tests.recorder.killing import TTL_MS
from tests.waiting import wait_until
from tests.web.site import Jobs

MAIL = QueueKeys("bull", "mail")
KILLS = 3

MOST = 500
"""Jobs that end while one thing is waited for: some four events each, of which the stream keeps 10,000. With more of
them the recorder would note a gap, as it should."""


class Recorders:
    """Processes that want to record."""

    def __init__(self, url: str) -> None:
        """Start none yet."""
        self._url = url
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> "subprocess.Popen[bytes]":
        """Start one more."""
        command = [sys.executable, "-m", "tests.recorder.killing", self._url]
        self.processes.append(subprocess.Popen(command, cwd=Path(__file__).parents[2]))
        return self.processes[-1]


@pytest.fixture
def recorders(redis_url: str) -> Iterator[Recorders]:
    some = Recorders(redis_url)
    yield some
    for process in some.processes:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_recorders_that_are_killed_count_every_end_once(
    recorders: Recorders, jobs: Jobs, connection: Connection, redis_client: redis.Redis
) -> None:
    lease, ended, longest_ms = Namespace().lease("recorder")[0], 0, 0

    def counted() -> int:
        return hour_of(connection, MAIL.base).completed

    def passes(before: int) -> bool:
        """End some more jobs; whether more than so many are counted."""
        nonlocal ended
        for _ in range(10 if ended - before < MOST else 0):
            jobs.completed(f"job-{ended}")
            ended += 1
        return counted() > before

    first = recorders.start()
    wait_until(lambda: redis_client.exists(lease), "one to record")
    for _ in range(KILLS):
        second = recorders.start()
        wait_until(partial(passes, counted()), "the recorder to count")
        first.kill()
        first.wait()
        killed_ms = now_ms()
        wait_until(partial(passes, ended), "the next one to count")
        longest_ms = max(longest_ms, now_ms() - killed_ms)
        first = second
    wait_until(lambda: counted() == ended, "everything to be counted")
    gaps = connection.call(HISTORY.state()).gaps

    write_down(
        "recorder killed",
        {
            "jobs ended": ended,
            "counted": counted(),
            "recorders killed": KILLS,
            "longest time until the next one counted, seconds": round(longest_ms / 1000, 1),
            "lease, seconds": TTL_MS / 1000,
            "gaps": len(gaps),
        },
    )
    assert counted() == ended
    assert gaps == ()
    wait_until(lambda: redis_client.exists(lease), "somebody to record still")
