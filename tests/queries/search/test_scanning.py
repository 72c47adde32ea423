"""A search reads in bounded steps, says the truth about what it read, and no job or key breaks it."""

import json

import redis

from board.engine.connection.sync import Connection
from board.queries.queue import QueueAsked, read_queue
from board.queries.search import parse, search
from tests.queries.conftest import MAIL, Known
from tests.queries.jobs import NOW, SECRET, Filler, fill_broken


def explained(connection: Connection, known: Known, state: str = "failed", **asked: object) -> str:
    return read_queue(connection, known, MAIL, QueueAsked(state, **asked), now_ms=NOW).explained  # type: ignore[arg-type]


def test_what_was_searched_is_told_as_it_is(connection: Connection, known: Known, mail: Filler) -> None:
    for n in range(50):
        mail.failed(f"{n:02}", NOW + n, name="even" if n % 2 == 0 else "odd")
    mail.waiting("w")

    assert explained(connection, known, q="name:odd", size=50) == "Searched all 50 failed jobs: 25 found."
    assert explained(connection, known, q="name:even") == "Searched the newest 40 of 50 failed jobs: 20 found."
    first = read_queue(connection, known, MAIL, QueueAsked("failed", q="name:even"), now_ms=NOW)
    rest = explained(connection, known, q="name:even", after=first.next_after)
    assert rest == "Searched jobs 41 to 50 of 50, newest first: 5 found."
    assert explained(connection, known, "waiting", q="x") == "Searched all 1 waiting jobs: 0 found."


def test_a_step_ends_after_so_many_bytes_and_the_search_goes_on(
    connection: Connection, known: Known, mail: Filler
) -> None:
    for n in range(120):
        mail.failed(f"{n}", NOW + n, data=json.dumps({"n": n, "blob": "x" * 100_000}))
    mail.failed("long", NOW + 999, data=json.dumps({"n": 5, "blob": "x" * 300_000}))

    before = connection.round_trips
    found = search(connection, known, MAIL, "failed", parse("data.n:5"), order="newest", size=20, now_ms=NOW)

    assert found.found == (("5", str(NOW + 5)),)
    assert found.unread == 1
    assert 1 < connection.round_trips - before <= 8


def test_broken_jobs_are_searched_like_all_others(
    connection: Connection, known: Known, redis_client: redis.Redis
) -> None:
    fill_broken(redis_client)

    page = read_queue(connection, known, MAIL, QueueAsked("failed", q="-name:send", size=100), now_ms=NOW)

    assert {job.id for job in page.jobs} == {"gone", "text-key", "list-key", "bare"}


def test_secrets_are_not_found(connection: Connection, known: Known, mail: Filler) -> None:
    mail.failed("1", data=json.dumps({"user": {"password": SECRET}, "to": "ann"}))

    for text in (SECRET, SECRET[:6], "data.user.secret:*"):
        page = read_queue(connection, known, MAIL, QueueAsked("failed", q=text), now_ms=NOW)
        assert page.jobs == (), text
    assert read_queue(connection, known, MAIL, QueueAsked("failed", q="ann"), now_ms=NOW).jobs


def test_what_a_role_may_not_see_is_not_searched(connection: Connection, mail: Filler) -> None:
    mail.failed("1", data='{"to":"ann"}', failedReason="no such ann")
    blind = Known(withheld=frozenset({"mail"}))

    for text in ("ann", "error:ann", "data.to:ann", "-data.to:bob"):
        page = read_queue(connection, blind, MAIL, QueueAsked("failed", q=text), now_ms=NOW)
        assert page.jobs == (), text
        assert ("may not see" in page.problem) is ("data." in text)
    by_class = read_queue(connection, blind, MAIL, QueueAsked("failed", q="class:GatewayTimeoutError"), now_ms=NOW)
    assert [job.id for job in by_class.jobs] == ["1"]


def test_a_filter_that_makes_no_sense_shows_why_and_no_jobs(connection: Connection, known: Known, mail: Filler) -> None:
    mail.failed("1")

    page = read_queue(connection, known, MAIL, QueueAsked("failed", q="attempts:many"), now_ms=NOW)

    assert page.jobs == ()
    assert page.problem.startswith("At character 10: ")


def test_an_id_that_is_no_filter_is_found_all_the_same(connection: Connection, known: Known, mail: Filler) -> None:
    mail.failed("repeat:abc:17")

    page = read_queue(connection, known, MAIL, QueueAsked("failed", q="repeat:abc:17"), now_ms=NOW)

    assert [job.id for job in page.jobs] == ["repeat:abc:17"]
    assert page.problem == ""
