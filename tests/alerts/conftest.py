"""Watchers driven step by step beside queues that the engine works on, a receiver of webhooks and a sink for mail."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from board.alerts.channels import Channel
from board.alerts.rules import Rule
from board.alerts.store import Alerts
from board.background import Turn
from board.config import Settings
from board.engine.connection.sync import Connection
from board.namespace import Namespace
from board.service import Service
from board.watcher.deliver import Deliverer
from board.watcher.watch import Watcher
from tests.alerts.receiving import MailSink, Receiver
from tests.web.site import Jobs

ALERTS = Alerts(Namespace())
SECRET = "canary-signing-secret-5e1f"


@dataclass(slots=True)
class Clock:
    """A clock that a test sets, ms."""

    now_ms: int = 1_800_000_000_000

    def __call__(self) -> int:
        return self.now_ms

    def on(self, seconds: float) -> None:
        self.now_ms += round(seconds * 1000)


@dataclass(slots=True)
class Process:
    """One process that watches and delivers."""

    service: Service
    clock: Clock
    watcher: Watcher = field(init=False)
    deliverer: Deliverer = field(init=False)

    def __post_init__(self) -> None:
        own = self.service
        self.watcher = Watcher(own.connection, own.namespace, own.sources, self.clock, "production", backoff_ms=20)
        self.deliverer = Deliverer(own.connection, own.namespace, own.courier)

    def look(self, seconds: float = 0) -> None:
        """Let time pass, then look once."""
        self.clock.on(seconds)
        self.service.sources.forget()
        self.watcher.step(turn())

    def deliver(self) -> None:
        """Deliver all there is."""
        self.deliverer.step(turn())


def turn() -> Turn:
    return Turn(1, is_first=False, keep=lambda: None, ending=threading.Event())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as one:
        yield one


@pytest.fixture
def sink() -> Iterator[MailSink]:
    with MailSink() as one:
        yield one


@pytest.fixture
def start(redis_url: str, clock: Clock) -> Iterator[Callable[..., Process]]:
    """A function that starts a process; it takes fields of `Settings`."""
    services: list[Service] = []

    def begin(**settings: Any) -> Process:
        services.append(Service(Settings(**{"redis_url": redis_url, **settings}), clock))
        return Process(services[-1], clock)

    yield begin
    for service in services:
        service.close()


@pytest.fixture
def jobs(connection: Connection) -> Jobs:
    return Jobs(connection)


def keep_rule(connection: Connection, **fields: Any) -> Rule:
    """Store a rule about depth of all queues."""
    rule = Rule(**{"id": "r1", "kind": "depth", "threshold": 2, "channels": ("hook",), **fields})
    assert connection.call(ALERTS.put_rule(rule))
    return rule


def keep_hook(connection: Connection, receiver: Receiver, **fields: Any) -> Channel:
    """Store a channel that leads to a receiver."""
    told = {
        "id": "hook",
        "name": "ops",
        "kind": "webhook",
        "target": f"{receiver.url}/in/secret-path",
        "secret": SECRET,
    }
    channel = Channel(**{**told, **fields})
    assert connection.call(ALERTS.put_channel(channel))
    return channel
