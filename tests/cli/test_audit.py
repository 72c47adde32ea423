"""`board audit`: a flipped byte anywhere in the log is found and its entry named."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import redis
from click.testing import CliRunner

from board.audit import Audit, Entry
from board.cli import board
from board.engine.connection.sync import Connection
from board.namespace import Namespace

Run = Callable[..., Any]


@pytest.fixture
def run(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("REDIS_URL", redis_url)

    def invoke(*arguments: str) -> Any:
        return CliRunner().invoke(board, ["audit", *arguments], standalone_mode=False)

    return invoke


@pytest.fixture
def ids(redis_url: str, run: Run) -> Sequence[str]:
    """Write six entries; return their ids."""
    log = Audit(Namespace("board"), 1_000)
    with Connection.open(redis_url) as connection:
        return [
            connection.call(log.append(Entry(1_700_000_000_000 + n, "ann", "admin", "203.0.113.1", "remove", "done")))
            for n in range(6)
        ]


def rewrite(client: redis.Redis, position: int, field: str, change: Callable[[str], str]) -> None:
    """Put the log back with one field of one entry changed, under the same ids."""
    entries: Any = client.xrange("board:audit")
    client.delete("board:audit")
    for at, (entry_id, fields) in enumerate(entries):
        if at == position:
            fields[field] = change(fields[field])
        client.xadd("board:audit", fields, id=entry_id)


def flip(at: int) -> Callable[[str], str]:
    """Return a function that flips the lowest bit of one character."""
    return lambda text: text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]


def test_a_sound_log_passes(run: Run, ids: Sequence[str]) -> None:
    result = run("verify")

    assert result.return_value == 0
    assert "6 entries, all fit together" in result.output
    assert f"anchor {ids[-1]}:" in result.output
    assert json.loads(run("verify", "--json").output)["ok"] is True


@pytest.mark.parametrize("position", range(6))
@pytest.mark.parametrize("where", [("entry", 3), ("entry", 40), ("entry", 90), ("chain", 0), ("before", 5)])
def test_a_flipped_byte_is_found_and_its_entry_named(
    run: Run, ids: Sequence[str], redis_client: redis.Redis, position: int, where: tuple[str, int]
) -> None:
    field, at = where
    is_empty = field == "before" and position == 0  # the very first entry has nothing before it
    rewrite(redis_client, position, field, (lambda _text: "0") if is_empty else flip(at))

    result = run("verify", "--json")

    assert result.return_value == 1
    told = json.loads(result.output)
    assert told["faults"][0]["id"] == ids[position]


@pytest.mark.parametrize("position", [1, 3, 5])
def test_an_entry_taken_out_is_found(run: Run, ids: Sequence[str], redis_client: redis.Redis, position: int) -> None:
    redis_client.xdel("board:audit", ids[position])

    result = run("verify")

    assert result.return_value == 1
    assert f"entry {ids[min(position + 1, 5)]}: " in result.output


def test_trimming_is_no_fault(run: Run, ids: Sequence[str], redis_client: redis.Redis) -> None:
    redis_client.xtrim("board:audit", maxlen=3, approximate=False)

    assert run("verify").return_value == 0


def test_a_log_that_was_computed_anew_does_not_fit_an_anchor(
    run: Run, ids: Sequence[str], redis_client: redis.Redis, redis_url: str
) -> None:
    anchor = json.loads(run("verify", "--json").output)["anchor"]
    assert run("verify", "--anchor", anchor).return_value == 0
    rewrite(redis_client, 5, "chain", lambda _text: "0" * 40)
    redis_client.delete("board:audit")
    log = Audit(Namespace("board"), 1_000)
    with Connection.open(redis_url) as connection:
        connection.call(log.append(Entry(1, "bob", "admin", "", "remove", "done")))

    assert run("verify").return_value == 0
    assert run("verify", "--anchor", anchor).return_value == 1


def test_an_anchor_that_is_none_is_asked_wrongly(run: Run) -> None:
    assert run("verify", "--anchor", "yesterday").exit_code == 1  # click's exception, 2 for a person


def test_exports_hold_every_entry_and_no_formula(run: Run, ids: Sequence[str], redis_url: str) -> None:
    log = Audit(Namespace("board"), 1_000)
    with Connection.open(redis_url) as connection:
        hostile = Entry(1, '=HYPERLINK("http://x")', "admin", "", "remove", "done", ids=("@SUM(1)",), detail="a\n+1,2")
        connection.call(log.append(hostile))

    rows = list(csv.DictReader(io.StringIO(run("export", "--format", "csv").output)))
    lines = [json.loads(line) for line in run("export").output.splitlines()]

    assert [row["id"] for row in rows][:6] == list(ids)
    assert rows[6]["who"] == '\'=HYPERLINK("http://x")'
    assert rows[6]["ids"] == "'@SUM(1)"
    assert [line["id"] for line in lines][:6] == list(ids)
    assert lines[6]["who"] == hostile.who
