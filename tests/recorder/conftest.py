"""Recorders driven step by step, beside queues that the engine works on."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import redis

from board.background import Turn
from board.config import Settings
from board.engine.connection.sync import Connection
from board.engine.keys import QueueKeys
from board.history.figures import RESOLUTIONS, Figures
from board.history.store import History
from board.namespace import Namespace
from board.recorder.recorder import Recorder
from board.service import Service, wall_clock_ms
from tests.web.site import Jobs

HISTORY = History(Namespace())
PREFIX = Namespace().history


@dataclass(slots=True)
class Process:
    """One process that records; ``fence`` is what its lease gave it."""

    service: Service
    fence: int = 1
    recorder: Recorder = field(init=False)
    is_first: bool = True

    def __post_init__(self) -> None:
        own = self.service
        self.recorder = Recorder(own.connection, own.namespace, own.sources, own.clock)

    def step(self) -> float:
        """Do one step; raises LeaseLostError when another process records."""
        self.service.sources.forget()
        wait = self.recorder.step(Turn(self.fence, self.is_first, lambda: None, threading.Event()))
        self.is_first = False
        return wait

    def catch_up(self) -> None:
        """Step until everything is read."""
        for _ in range(2_000):
            if self.step() > 0:
                return
        raise AssertionError("the recorder never caught up")


@pytest.fixture
def start(redis_url: str) -> Iterator[Callable[..., Process]]:
    """A function that starts a process that records."""
    services: list[Service] = []

    def begin(fence: int = 1) -> Process:
        services.append(Service(Settings(redis_url=redis_url)))
        return Process(services[-1], fence)

    yield begin
    for service in services:
        service.close()


@pytest.fixture
def jobs(connection: Connection) -> Jobs:
    return Jobs(connection)


def hour_of(connection: Connection, series: str) -> Figures:
    """Return the figures of a series over the hours that a test can run in."""
    total = Figures()
    now = wall_clock_ms()
    for start in {RESOLUTIONS[3].start(now), RESOLUTIONS[3].start(now - 3_600_000)}:
        total.add(connection.call(HISTORY.figures(RESOLUTIONS[3], start, [series]))[0])
    return total


def groups(client: redis.Redis) -> dict[str, dict[str, Any]]:
    """Return all groups of failures by their fingerprint."""
    found: dict[str, dict[str, Any]] = {}
    for key in client.scan_iter(f"{PREFIX}g:*"):
        name = key.removeprefix(f"{PREFIX}g:")
        found[name] = {
            **{str(field): value for field, value in client.hgetall(key).items()},
            "members": client.zcard(f"{PREFIX}members:{name}"),
            "bars": sum(map(int, client.hvals(f"{PREFIX}bars:{name}"))),
        }
    return found


def trace_of(error: str, message: str, function: str = "work", file: str = "/srv/app/src/x.ts") -> str:
    """Write a stack trace as Node does."""
    return (
        f"{error}: {message}\n    at {function} ({file}:1:2)\n"
        "    at Worker.processJob (/srv/app/node_modules/bullmq/dist/cjs/classes/worker.js:522:28)"
    )


def write_failed(client: redis.Redis, queue: QueueKeys, job_id: str, trace: str, at_ms: int, *, event: bool) -> None:
    """Write a failed job as a worker leaves it, with or without its event."""
    pipe = client.pipeline(transaction=False)
    reason = trace.split("\n", maxsplit=1)[0].partition(": ")[2]
    pipe.hset(
        queue.job(job_id),
        mapping={
            "name": "work",
            "data": "{}",
            "opts": "{}",
            "timestamp": at_ms - 9,
            "processedOn": at_ms - 5,
            "finishedOn": at_ms,
            "failedReason": reason,
            "stacktrace": json.dumps([trace]),
        },
    )
    pipe.zadd(queue.key("failed"), {job_id: at_ms})
    if event:
        pipe.xadd(queue.key("events"), {"event": "failed", "jobId": job_id, "failedReason": reason, "prev": "active"})
    pipe.execute()
