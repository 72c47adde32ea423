"""The whole log of a job, by stretches, by text and by level."""

import pytest
import redis

from board.engine.connection.sync import Connection
from board.errors import UnknownJobError
from board.queries import log_page
from board.queries.log_page import PAGE, LogsAsked, LogsPage, read_logs
from tests.queries.conftest import MAIL, Known
from tests.queries.jobs import SECRET, Filler

LINES = PAGE * 2 + 30


@pytest.fixture
def logged(mail: Filler, redis_client: redis.Redis) -> Filler:
    mail.failed("1")
    redis_client.rpush("bull:mail:1:logs", *(f"{'ERROR' if n % 100 == 7 else 'info'} step {n}" for n in range(LINES)))
    return mail


def page_of(connection: Connection, start: int | None = None, find: str = "", level: str = "") -> LogsPage:
    return read_logs(connection, Known(), MAIL, "1", LogsAsked(start, find, level))


def test_a_log_is_read_from_its_end_to_its_beginning_in_pages(connection: Connection, logged: Filler) -> None:
    before = connection.round_trips

    last = page_of(connection)
    middle = page_of(connection, last.earlier)
    first = page_of(connection, middle.earlier)

    assert connection.round_trips - before == 3
    assert [(page.start, page.stop, page.earlier, page.later) for page in (last, middle, first)] == [
        (LINES - PAGE, LINES, LINES - 2 * PAGE, None),
        (LINES - 2 * PAGE, LINES - PAGE, 0, LINES - PAGE),
        (0, PAGE, None, PAGE),
    ]
    assert [line.number for line in middle.lines] == list(range(LINES - 2 * PAGE + 1, LINES - PAGE + 1))


def test_lines_are_found_by_text_and_by_level(connection: Connection, logged: Filler) -> None:
    errors = page_of(connection, level="error")
    one = page_of(connection, find="STEP 107", level="error")

    assert [line.number for line in errors.lines] == [n + 1 for n in range(7, LINES, 100)]
    assert (errors.stop, errors.later) == (LINES, None)
    assert [line.text for line in one.lines] == ["ERROR step 107"]
    assert page_of(connection, find="nothing").lines == ()


def test_a_search_goes_on_where_it_ended(
    connection: Connection, logged: Filler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_page, "STEP", 400)

    found: list[int] = []
    start: int | None = 0
    while start is not None:
        page = page_of(connection, start, level="error")
        found += [line.number for line in page.lines]
        start = page.later

    assert found == [n + 1 for n in range(7, LINES, 100)]


def test_more_matches_than_a_page_holds_are_on_the_next(connection: Connection, logged: Filler) -> None:
    first = page_of(connection, find="step")
    second = page_of(connection, first.later, find="step")

    assert (len(first.lines), first.stop, first.later) == (PAGE, PAGE, PAGE)
    assert second.lines[0].number == PAGE + 1


def test_no_search_finds_a_secret(connection: Connection, mail: Filler, redis_client: redis.Redis) -> None:
    mail.failed("1")
    redis_client.rpush("bull:mail:1:logs", f"password={SECRET}")

    assert page_of(connection, find=SECRET).lines == ()
    assert len(page_of(connection, find="password").lines) == 1


def test_a_job_that_is_gone_has_no_log(connection: Connection, mail: Filler) -> None:
    with pytest.raises(UnknownJobError):
        page_of(connection)


@pytest.mark.parametrize("start", [None, LINES, 10**9])
def test_the_newest_lines_are_there_however_long_they_are(
    connection: Connection, mail: Filler, redis_client: redis.Redis, start: int | None
) -> None:
    mail.failed("1")
    redis_client.rpush("bull:mail:1:logs", *(f"{n} {'x' * 8_000}" for n in range(LINES)))

    page = page_of(connection, start)

    assert [line.number for line in page.lines] == list(range(page.start + 1, LINES + 1))
    assert page.lines[-1].text.startswith(f"{LINES - 1} ")
    assert (page.stop, page.later) == (LINES, None)
    assert 100 < len(page.lines) < PAGE
    assert page.earlier == page.start - PAGE
    older = page_of(connection, page.earlier)
    assert (older.start, older.later) == (page.earlier, older.stop)
