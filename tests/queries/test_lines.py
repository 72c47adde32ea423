"""Lines of a list that are remembered: only what is shown, and for nobody who may see less."""

from collections.abc import Iterator

import pytest

from board import redaction
from board.engine.commands.pages import RowReading, unpack_row
from board.engine.connection.sync import Connection
from board.queries import rows
from board.queries.queue import QueueAsked, read_queue
from board.queries.rows import JobRow
from board.queries.shared import WITHHELD
from tests.queries.conftest import MAIL, Known
from tests.queries.jobs import NOW, Filler

SECRET = "hunter2-hunter2"


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    rows._lines.clear()
    yield
    rows._lines.clear()


@pytest.fixture
def unpacked(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The lines that were not known yet."""
    found: list[bytes] = []

    def unpack(line: bytes) -> RowReading:
        found.append(line)
        return unpack_row(line)

    monkeypatch.setattr(rows, "unpack_row", unpack)
    return found


def lines(connection: Connection, known: Known, state: str = "failed") -> tuple[JobRow, ...]:
    return read_queue(connection, known, MAIL, QueueAsked(state, size=100), now_ms=NOW).jobs


def test_a_list_that_is_read_again_makes_anew_only_the_lines_of_jobs_that_changed(
    connection: Connection, known: Known, mail: Filler, unpacked: list[bytes]
) -> None:
    for number in range(20):
        mail.failed(f"job-{number}")
    before = lines(connection, known)
    assert len(unpacked) == 20

    mail.client.hset(mail.key("job-7"), "failedReason", "something else")
    after = lines(connection, known)

    assert len(unpacked) == 21
    assert [one.id for one in after] == [one.id for one in before]
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert [(new.id, new.error_message) for _, new in changed] == [("job-7", "something else")]


def test_versions_of_a_job_that_runs_differ_in_their_hashes(connection: Connection, known: Known, mail: Filler) -> None:
    """Pieces of pages are looked up by it, and those of one job would be compared with each other one by one."""
    mail.active("job")
    versions = set()

    for made in range(4):
        for progress in ("10", "20", '{"step":1}'):
            mail.client.hset(mail.key("job"), mapping={"atm": made, "progress": progress})
            versions.add(hash(lines(connection, known, "active")[0]))

    assert len(versions) == 12


def test_no_secret_is_remembered(connection: Connection, known: Known, mail: Filler) -> None:
    mail.failed("job", data=f'{{"password": "{SECRET}"}}', failedReason=f"password={SECRET}")

    assert SECRET not in str(lines(connection, known))
    assert rows._lines
    assert SECRET not in repr(rows._lines)


def test_what_is_revealed_is_neither_remembered_nor_hidden(connection: Connection, known: Known, mail: Filler) -> None:
    mail.failed("job", data=f'{{"password": "{SECRET}"}}')
    lines(connection, known)

    with redaction.revealed():
        assert SECRET in str(lines(connection, known))

    assert SECRET not in str(lines(connection, known)) + repr(rows._lines)


def test_who_may_not_see_data_is_not_shown_the_line_of_who_may(connection: Connection, mail: Filler) -> None:
    mail.failed("job", data='{"city": "Oslo"}')

    shown = [lines(connection, one)[0].data_preview for one in (Known(), Known(withheld=frozenset({"mail"})), Known())]

    assert "Oslo" in shown[0]
    assert shown[1] == WITHHELD
    assert shown[2] == shown[0]


def test_a_child_of_a_hidden_queue_is_named_only_to_who_sees_it(connection: Connection, mail: Filler) -> None:
    mail.failed("job", failedReason="child bull:pay:7 failed")

    said = [lines(connection, one)[0].error_message for one in (Known(), Known(hidden=frozenset({"pay"})), Known())]

    assert said == ["child bull:pay:7 failed", "a child failed that is not shown here", "child bull:pay:7 failed"]


def test_a_lock_is_told_as_it_is_now(connection: Connection, known: Known, mail: Filler) -> None:
    mail.active("job", 30_000)

    assert not lines(connection, known, "active")[0].removable.ok
    assert not rows._lines


def test_a_very_long_line_is_not_remembered(connection: Connection, known: Known, mail: Filler) -> None:
    mail.failed("j" * rows.LONGEST_LINE)

    assert len(lines(connection, known)) == 1
    assert not rows._lines
