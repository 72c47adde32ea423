"""Duties go on beside the requests: by one of many, through trouble, until the process ends."""

import os
import threading
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from board import create_app
from board.background import Background, Duty, LeaseLostError, Turn
from board.config import Settings
from board.engine.calls import Call
from board.engine.connection.sync import Connection
from board.lease import Leases
from board.namespace import Namespace
from board.web import BACKGROUND
from tests.servers import Server
from tests.waiting import PATIENCE_S, wait_until

NAMESPACE = Namespace()

SOON_MS = 6_000
"""For how long a lease is given that somebody else asks for every third of it: no busy machine lets it run out."""

Start = Callable[..., Background]


@pytest.fixture
def connection(redis_url: str) -> Iterator[Connection]:
    with Connection.open(redis_url) as opened:
        yield opened


@pytest.fixture
def start(connection: Connection) -> Iterator[Start]:
    """A function that starts duties as one process would; all end with the test."""
    started: list[Background] = []

    def begin(*duties: Duty, ttl_ms: int = 60_000, over: Connection = connection) -> Background:
        background = Background(over, NAMESPACE, duties, ttl_ms=ttl_ms)
        started.append(background)
        background.start()
        return background

    yield begin
    for background in started:
        background.stop()


def counting(seen: list[Turn], name: str = "count") -> Duty:
    return Duty(name, seen.append, every_seconds=0.01)


def _note(seen: list[str], name: str, turn: Turn) -> None:
    del turn
    seen.append(name)


def test_a_duty_is_done_again_and_again_and_knows_its_first_step(start: Start) -> None:
    seen: list[Turn] = []

    background = start(counting(seen))
    wait_until(lambda: len(seen) >= 3, "three steps")

    assert [turn.is_first for turn in seen[:3]] == [True, False, False]
    assert {turn.fence for turn in seen} == {1}
    assert background.has("count")


def test_of_two_processes_one_does_it_and_the_other_takes_over_when_it_ends(start: Start) -> None:
    one: list[Turn] = []
    other: list[Turn] = []
    first = start(counting(one), ttl_ms=SOON_MS)
    wait_until(lambda: one, "the first to begin")
    second = start(counting(other), ttl_ms=SOON_MS)
    wait_until(lambda: len(one) >= 30, "thirty steps more")
    assert other == []
    assert not second.has("count")

    first.stop()
    done = len(one)
    wait_until(lambda: other, "the second to take over")

    assert len(one) == done
    assert other[0].fence > one[-1].fence
    assert other[0].is_first


def test_a_duty_for_every_process_is_done_by_both(start: Start) -> None:
    seen: list[str] = []
    for name in ("one", "other"):
        start(Duty("look", partial(_note, seen, name), every_seconds=0.01, elected=False))

    wait_until(lambda: {"one", "other"} <= set(seen), "both to do it")


def test_who_lost_the_lease_stops_before_writing_more(connection: Connection, start: Start) -> None:
    entered, lost = threading.Event(), threading.Event()
    written: list[int] = []

    def step(turn: Turn) -> None:
        entered.set()
        try:
            while not turn.is_ending:
                turn.keep()
                turn.ending.wait(0.01)
        except LeaseLostError:
            lost.set()
            raise
        written.append(turn.fence)

    start(Duty("slow", step, every_seconds=60), ttl_ms=SOON_MS)
    assert entered.wait(PATIENCE_S)
    holder = connection.call(Leases(NAMESPACE).take("slow", "thief"))
    assert holder.fence is None
    key = NAMESPACE.lease("slow")[0]
    connection.call(Call(("SET", key, "thief"), bool))

    assert lost.wait(PATIENCE_S)
    assert written == []


def test_a_mistake_does_not_end_a_duty(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    tries: list[int] = []

    def step(turn: Turn) -> None:
        tries.append(turn.fence)
        if len(tries) == 1:
            raise ZeroDivisionError

    start(Duty("wrong", step, every_seconds=0.01))

    wait_until(lambda: len(tries) >= 3, "the duty to go on")
    assert [record.message for record in caplog.records] == ["duty failed"]


def test_it_outlives_an_outage_of_redis(server: Server, redis_url: str, start: Start) -> None:
    own = Server(kind=server.kind)
    own.start()
    try:
        with Connection.open(own.url, timeout_s=1) as over:
            seen: list[Turn] = []
            start(counting(seen), over=over, ttl_ms=300)
            wait_until(lambda: seen, "the first step")
            own.kill()
            before = len(seen)
            own.start()
            wait_until(lambda: any(turn.is_first for turn in seen[before:]), "a beginning anew after the outage")
    finally:
        own.stop()


def test_a_stopping_process_lets_a_step_end_and_gives_the_lease_back(connection: Connection, start: Start) -> None:
    inside = threading.Event()
    ended: list[bool] = []

    def step(turn: Turn) -> None:
        inside.set()
        turn.ending.wait(PATIENCE_S)
        ended.append(turn.is_ending)

    background = start(Duty("slow", step, every_seconds=60))
    assert inside.wait(PATIENCE_S)
    background.stop()

    assert ended == [True]
    assert connection.call(Leases(NAMESPACE).take("slow", "next")).fence == 2


def test_a_fork_has_threads_of_its_own(start: Start, redis_url: str) -> None:
    seen: list[int] = []
    read_end, write_end = os.pipe()

    def step(turn: Turn) -> None:
        seen.append(os.getpid())
        os.write(write_end, f"{os.getpid()}\n".encode())

    start(Duty("both", step, every_seconds=0.05, elected=False))
    wait_until(lambda: seen, "the parent to begin")
    child = os.fork()
    if child == 0:  # pragma: no cover - the child only waits to be ended
        threading.Event().wait(60)
        os._exit(0)
    try:
        with os.fdopen(read_end) as lines:
            assert any(int(line) == child for line in lines)
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


def test_an_application_has_no_background_unless_asked(redis_url: str) -> None:
    assert BACKGROUND not in create_app(Settings(redis_url=redis_url)).extensions


def test_an_application_that_was_asked_has_one_that_can_be_stopped(redis_url: str) -> None:
    background = create_app(Settings(redis_url=redis_url), background=True).extensions[BACKGROUND]

    background.stop()
