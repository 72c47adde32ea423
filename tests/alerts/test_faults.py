"""From a queue that fills up to the receiver, with real duties: processes that fight, and a Redis that is killed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from board.background import Background, Duty
from board.config import Settings
from board.engine.connection.sync import Connection
from board.engine.errors import StoreError
from board.engine.sync.queue import Queue
from board.service import Service
from board.watcher.deliver import Deliverer
from board.watcher.watch import Watcher
from tests.alerts.conftest import keep_hook, keep_rule
from tests.alerts.receiving import Receiver
from tests.servers import Server
from tests.waiting import wait_until
from tests.web.site import Jobs


@contextmanager
def process(url: str, receiver: Receiver, *, elected: bool = True) -> Iterator[Background]:
    """One process with its duties, which come round quickly."""
    service = Service(Settings(redis_url=url, outbound_allow=f"{receiver.url}=private"))
    own = service
    watcher = Watcher(own.connection, own.namespace, own.sources, own.clock, "production", backoff_ms=50)
    deliverer = Deliverer(own.connection, own.namespace, own.courier)
    duties = [
        Duty("alerts", watcher.step, 0.02, elected=elected),
        Duty("messages", deliverer.step, 0.02, elected=elected),
    ]
    background = Background(own.connection, own.namespace, duties, ttl_ms=600)
    background.start()
    try:
        yield background
    finally:
        background.stop()
        service.close()


def events(receiver: Receiver) -> list[str]:
    return [one.json["event"] for one in receiver.received]


def fill(connection: Connection) -> None:
    for number in range(3):
        Jobs(connection).waiting(f"w{number}")


@pytest.fixture
def safe_server(fresh_server: Callable[..., Server]) -> Server:
    """A server that forgets nothing that it confirmed."""
    return fresh_server(append_only=True)


def test_two_processes_that_both_believe_to_be_the_one_tell_it_once(redis_url: str, receiver: Receiver) -> None:
    with Connection.open(redis_url) as connection:
        keep_rule(connection)
        keep_hook(connection, receiver)
        fill(connection)
        with process(redis_url, receiver, elected=False), process(redis_url, receiver, elected=False):
            wait_until(lambda: events(receiver), "the message that it fires")
            Queue("mail", connection=connection).drain()
            wait_until(lambda: "resolved" in events(receiver), "the message that it is over")

    assert events(receiver) == ["fired", "resolved"]


def test_a_redis_that_is_killed_while_it_fires_makes_nothing_told_twice(
    safe_server: Server, receiver: Receiver
) -> None:
    url = safe_server.url
    with Connection.open(url) as connection:
        keep_rule(connection)
        keep_hook(connection, receiver)
        fill(connection)
        receiver.status = 503
        with process(url, receiver), process(url, receiver):
            wait_until(lambda: receiver.refused, "an attempt that was refused")
            safe_server.kill()
            receiver.status = 200
            safe_server.start()
            wait_until(lambda: events(receiver), "the message that it fires")
            queue = Queue("mail", connection=connection)
            wait_until(lambda: _done(queue.drain), "the queue to be emptied")
            wait_until(lambda: "resolved" in events(receiver), "the message that it is over")

    assert events(receiver) == ["fired", "resolved"]


def test_the_next_process_tells_what_a_killed_one_left(redis_url: str, receiver: Receiver) -> None:
    with Connection.open(redis_url) as connection:
        keep_rule(connection)
        keep_hook(connection, receiver)
        fill(connection)
        with process(redis_url, receiver):
            wait_until(lambda: events(receiver), "the message that it fires")
        Queue("mail", connection=connection).drain()
        with process(redis_url, receiver):
            wait_until(lambda: len(events(receiver)) > 1, "the message that it is over")

    assert events(receiver) == ["fired", "resolved"]


def _done(act: Callable[[], Any]) -> bool:
    try:
        act()
    except StoreError:
        return False
    return True
