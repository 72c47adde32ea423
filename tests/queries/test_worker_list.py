"""Workers by the names of their connections, with the jobs they hold; real connections, real locks."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from board.engine.connection.sync import Connection
from board.engine.keys import QueueKeys
from board.history.store import History, Mark
from board.namespace import Namespace
from board.queries.worker_list import WorkersPage, came_from, read_workers
from tests.queries.conftest import MAIL, Known
from tests.queries.jobs import HOSTILE, NOW, Filler
from tests.servers import Server


@pytest.fixture
def connect(server: Server, redis_url: str) -> Iterator[Callable[[str], redis.Redis]]:
    """A function that opens a connection of that name."""
    opened = []

    def open_one(name: str) -> redis.Redis:
        client = redis.Redis.from_url(redis_url, single_connection_client=True, client_name=name)
        client.ping()
        opened.append(client)
        return client

    yield open_one
    for client in opened:
        client.close()


def page(connection: Connection, known: Known, **asked: Any) -> WorkersPage:
    return read_workers(connection, known, (MAIL,), now_ms=NOW, **asked)


def test_a_job_is_put_to_the_worker_that_took_it(
    connection: Connection, known: Known, mail: Filler, connect: Callable[[str], redis.Redis]
) -> None:
    connect(f"{MAIL.client_name}:w:mailer-1")
    connect(f"{MAIL.client_name}:w:mailer-2")
    mail.active("later", processedOn=NOW - 1_000)
    mail.active("first", processedOn=NOW - 9_000)

    found = page(connection, known)

    busy, idle = found.workers
    assert (busy.name, busy.state, [job.id for job in busy.jobs]) == ("mailer-1", "busy", ["first", "later"])
    assert (idle.name, idle.state, idle.jobs) == ("mailer-2", "idle", ())
    assert busy.address.startswith("127.0.0.1:")
    assert (found.worker_count, found.active) == (2, 2)


def test_jobs_of_a_worker_that_is_gone_come_first(
    connection: Connection, known: Known, mail: Filler, connect: Callable[[str], redis.Redis]
) -> None:
    connect(f"{MAIL.client_name}:w:alive")
    mail.active("locked", pb="dead")
    mail.active("open", 0, pb="dead")
    mail.active("held", pb="alive")

    gone, alive = page(connection, known).workers

    assert (gone.name, gone.state, gone.connections, gone.job_count, gone.unlocked) == ("dead", "gone", 0, 2, 1)
    assert {job.id: job.lock_ms is not None for job in gone.jobs} == {"locked": True, "open": False}
    assert (alive.state, alive.unlocked) == ("busy", 0)


def test_workers_without_a_name_hold_the_jobs_of_their_queue_together(
    connection: Connection, known: Known, mail: Filler, connect: Callable[[str], redis.Redis]
) -> None:
    connect(MAIL.client_name)
    connect(MAIL.client_name)
    mail.active("one", pb="3f6e")

    (nameless,) = page(connection, known).workers

    assert (nameless.name, nameless.connections, nameless.state, nameless.job_count) == ("", 2, "busy", 1)


def test_connections_of_others_are_not_workers(
    connection: Connection, known: Known, mail: Filler, connect: Callable[[str], redis.Redis]
) -> None:
    for name in ("queue-board", "bull:other", f"{MAIL.client_name}:qe", "acme:mail"):
        connect(name)

    assert page(connection, known).workers == ()


@pytest.mark.parametrize(
    ("told", "address"),
    [
        ("/run/redis.sock:0", "/run/redis.sock"),
        ("[/run/redis.sock:0]:0", "/run/redis.sock"),
        ("10.0.0.7:50123", "10.0.0.7:50123"),
        ("[::1]:50123", "[::1]:50123"),
    ],
)
def test_who_comes_over_a_socket_comes_from_its_path(told: str, address: str) -> None:
    """Redis writes the first, Valkey 9 the second, and both a port that there is not."""
    assert came_from(told) == address


def test_a_search_finds_by_name_queue_and_address(
    connection: Connection, known: Known, mail: Filler, connect: Callable[[str], redis.Redis]
) -> None:
    for n in range(3):
        connect(f"{MAIL.client_name}:w:mailer-{n}")

    assert [one.name for one in page(connection, known, q="MAILER-2").workers] == ["mailer-2"]
    assert len(page(connection, known, q="bull:mail").workers) == 3
    assert page(connection, known, q="nowhere").workers == ()


def test_without_the_right_to_list_connections_the_jobs_are_still_shown(
    connection: Connection, known: Known, mail: Filler, redis_client: Any, redis_url: str
) -> None:
    mail.active("one")
    redis_client.execute_command(*("ACL", "SETUSER", "blind", "on", ">secret", "~*", "+@all", "-client|list"))
    with Connection.open(redis_url.replace("redis://", "redis://blind:secret@")) as blind:
        found = page(blind, known)
    redis_client.execute_command("ACL", "DELUSER", "blind")

    assert "client" in found.unlisted.lower()
    assert [(one.name, one.state, one.job_count) for one in found.workers] == [("mailer-1", "unknown", 1)]


def test_hostile_names_and_broken_keys_cost_only_their_own_line(
    connection: Connection, known: Known, mail: Filler, redis_client: redis.Redis
) -> None:
    mail.active("x", pb=HOSTILE, name=HOSTILE, processedOn="soon", ats="many")
    mail.active("gone")
    redis_client.delete(mail.key("gone"))
    redis_client.set("bull:broken:active", "no list")

    broken = QueueKeys("bull", "broken")
    found = read_workers(connection, known, (MAIL, broken), now_ms=NOW)

    assert {one.state for one in found.workers} == {"gone", "unknown"}
    assert "bull:broken:active" in found.problem


def left(connection: Connection, *names: str, age_ms: int = 0) -> History:
    """Note that workers left, as the recorder does."""
    history = History(Namespace())
    connection.batch(history.say(Mark(NOW - age_ms, "left", MAIL.base, json.dumps(names))))
    return history


def test_a_worker_that_left_is_shown_for_a_quarter_of_an_hour(
    connection: Connection, known: Known, mail: Filler, connect: Callable[[str], redis.Redis]
) -> None:
    mail.waiting("1")
    connect(f"{MAIL.client_name}:w:back")
    left(connection, "ancient", age_ms=16 * 60_000)
    history = left(connection, "back", "<b>gone</b>", "holds", age_ms=11 * 60_000)
    mail.active("1a", pb="holds")

    found = page(connection, known, history=history)

    assert [(one.name, one.state, one.left_ms) for one in found.workers] == [
        ("holds", "gone", NOW - 11 * 60_000),
        ("back", "busy" if found.workers[1].jobs else "idle", None),
        ("<b>gone</b>", "left", NOW - 11 * 60_000),
    ]
    assert found.worker_count == 1


def test_who_left_a_queue_that_is_not_shown_is_not_told(connection: Connection, known: Known, mail: Filler) -> None:
    mail.waiting("1")
    history = left(connection, "gone")

    found = read_workers(connection, known, (QueueKeys("bull", "other"),), now_ms=NOW, history=history)

    assert found.workers == ()
