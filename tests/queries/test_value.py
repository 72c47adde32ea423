"""What a job carries, opened part by part, searched, and taken away as a file."""

import json
from typing import Any

import pytest

from board.engine.connection.sync import Connection
from board.errors import BadRequestError, UnknownJobError
from board.queries import value as values
from board.queries.payload import CHILD_LIMIT, FOLDED_ABOVE, FOLDED_NODES, Node, folded, payload
from board.queries.value import ValuePage, read_value, read_whole
from tests.queries.conftest import MAIL, Known
from tests.queries.jobs import SECRET, Filler

ORDER = '{"id":12345678901234567890123,"items":[{"sku":"a-1"},{"sku":"b-2","n":1e400}],"":{"odd key":true},"id":2}'


def part(connection: Connection, known: Known, **asked: Any) -> ValuePage:
    return read_value(connection, known, MAIL, "1", "data", **asked)


def count_of(node: Node) -> int:
    return 1 + sum(map(count_of, node.children))


@pytest.mark.parametrize(
    ("at", "path", "text"),
    [
        ("", "", ORDER),
        ("0", "id", "12345678901234567890123"),
        ("1.1", "items[1]", '{"sku":"b-2","n":1e400}'),
        ("1.1.1", "items[1].n", "1e400"),
        ("2.0", '[""]["odd key"]', "true"),
        ("3", "id", "2"),
    ],
)
def test_a_part_is_found_by_the_places_of_its_entries(
    connection: Connection, mail: Filler, at: str, path: str, text: str
) -> None:
    mail.waiting("1", data=ORDER)

    page = part(connection, Known(), at=at)

    assert (page.path, page.text, page.size) == (path, text, len(ORDER))


def test_the_steps_to_a_part_lead_to_each_part_above_it(connection: Connection, known: Known, mail: Filler) -> None:
    mail.waiting("1", data=ORDER)

    steps = part(connection, known, at="1.1.1").steps

    assert [(step.label, step.at) for step in steps] == [("items", "1"), ("[1]", "1.1"), ("n", "1.1.1")]


def test_a_value_takes_one_round_trip_and_a_wide_part_is_paged(
    connection: Connection, known: Known, mail: Filler
) -> None:
    mail.waiting("1", data=json.dumps({"list": list(range(CHILD_LIMIT * 2 + 5))}))
    before = connection.round_trips

    first = part(connection, known, at="0")
    last = part(connection, known, at="0", start=first.next_start or 0)
    last = part(connection, known, at="0", start=last.next_start or 0)

    assert connection.round_trips - before == 3
    assert first.tree is not None
    assert (len(first.tree.children), first.tree.more, first.next_start) == (CHILD_LIMIT, CHILD_LIMIT + 5, CHILD_LIMIT)
    assert last.tree is not None
    assert [child.text for child in last.tree.children] == [str(CHILD_LIMIT * 2 + n) for n in range(5)]
    assert (last.tree.more, last.next_start) == (0, None)


def test_a_search_finds_keys_and_values_and_counts_the_rest(connection: Connection, known: Known, mail: Filler) -> None:
    mail.waiting("1", data=ORDER)

    page = part(connection, known, find="SKU")
    one = part(connection, known, find="b-2", at="1")

    assert [(match.path, match.at, match.text) for match in page.matches] == [
        ("items[0].sku", "1.0.0", "a-1"),
        ("items[1].sku", "1.1.0", "b-2"),
    ]
    assert (page.found, page.looked_at) == (2, 10)
    assert [match.path for match in one.matches] == ["items[1].sku"]


def test_a_search_shows_the_first_matches_and_counts_all(connection: Connection, known: Known, mail: Filler) -> None:
    mail.waiting("1", data=json.dumps(["same"] * (values.MATCH_LIMIT + 7)))

    page = part(connection, known, find="same")

    assert (len(page.matches), page.found) == (values.MATCH_LIMIT, values.MATCH_LIMIT + 7)


def test_no_part_no_match_and_no_file_holds_a_secret(connection: Connection, known: Known, mail: Filler) -> None:
    mail.waiting("1", data=json.dumps({"password": SECRET, "deep": {"token": {"a": SECRET}}, "n": 1}))

    for at in ("", "0", "1", "1.0", "1.0.0"):
        assert SECRET not in repr(part(connection, known, at=at)), at
    assert part(connection, known, find=SECRET).found == 0
    whole = read_whole(connection, known, MAIL, "1", "data")
    assert SECRET not in whole.text
    assert json.loads(whole.text)["n"] == 1


def test_a_file_has_every_digit_and_each_key_in_its_place(connection: Connection, known: Known, mail: Filler) -> None:
    mail.waiting("1", data=ORDER)
    mail.completed("2", returnvalue="no { JSON")

    assert read_whole(connection, known, MAIL, "1", "data").text == ORDER
    other = read_whole(connection, known, MAIL, "2", "returnvalue")
    assert (other.text, other.is_json) == ("no { JSON", False)


def test_what_is_not_there_is_told_in_words(connection: Connection, known: Known, mail: Filler) -> None:
    mail.waiting("1", data="[1]")

    for asked in ({"at": "7"}, {"at": "0.0"}, {"at": "x"}, {"at": "0." * 300 + "0"}):
        with pytest.raises(BadRequestError):
            part(connection, known, **asked)
    for field in ("opts", "returnvalue", "parentKey"):
        with pytest.raises(BadRequestError):
            read_value(connection, known, MAIL, "1", field)
    with pytest.raises(UnknownJobError):
        read_value(connection, known, MAIL, "2", "data")


@pytest.mark.parametrize("text", ["{oops", "[" * 5_000 + "]" * 5_000])
def test_what_cannot_be_read_is_text(connection: Connection, known: Known, mail: Filler, text: str) -> None:
    mail.waiting("1", data=text)

    page = part(connection, known)

    assert page.tree is None
    assert page.text == text[: values.COPY_LIMIT]
    assert page.problem


def test_a_value_beyond_the_bound_is_not_read(
    connection: Connection, known: Known, mail: Filler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(values, "LONGEST", 1_000)
    mail.waiting("1", data=json.dumps("x" * 2_000))

    page = part(connection, known)

    assert (page.tree, page.text, page.size) == (None, None, 2_002)
    with pytest.raises(BadRequestError, match="too large"):
        read_whole(connection, known, MAIL, "1", "data")


def test_a_page_begins_with_little_of_a_large_payload_and_all_of_a_small_one() -> None:
    small = payload('{"a":[1,2]}', 11)
    text = json.dumps({f"key{n}": ["x" * 300] * 30 for n in range(40)})
    large = payload(text, len(text))

    assert folded(small) is small
    shown = folded(large)
    assert len(text) > FOLDED_ABOVE
    assert shown.tree is not None
    assert shown.truncated
    assert count_of(shown.tree) <= FOLDED_NODES
    assert shown.tree.more + len(shown.tree.children) == 40
    cut = folded(payload(text[:65_000], len(text), truncated=True))
    assert cut.tree is None
    assert len(cut.text) == 2_000
