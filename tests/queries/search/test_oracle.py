"""What the search finds is what a second, simpler reading of the same filter finds by looking at every job."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from typing import Any

import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from board.engine.connection.sync import Connection
from board.queries.queue import write_cursor
from board.queries.search import parse, search
from tests.queries.conftest import MAIL, Known
from tests.queries.jobs import NOW, Filler

WORDS = ["send", "report", "Send", "ann", "a b", "x", "true", "7", "0"]
NUMBERS = [0, 1, 7, 7.5, 12345678901234567890, 12345678901234567891, -3]
KEYS = ["to", "n", "list"]

json_values = st.recursive(
    st.sampled_from(WORDS) | st.sampled_from(NUMBERS) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=6,
)
jobs = st.fixed_dictionaries(
    {
        "name": st.sampled_from(WORDS) | st.none(),
        "timestamp": st.sampled_from([NOW - 1_000, NOW - 60_000, NOW - 3_600_000, NOW - 86_400_000]) | st.none(),
        "ran": st.sampled_from([0, 5, 1_000, 60_000]) | st.none(),
        "attempts": st.integers(0, 4),
        "reason": st.sampled_from(["took longer", "Refused", "no such x"]) | st.none(),
        "data": json_values.map(json.dumps) | st.sampled_from(["{oops", ""]),
    }
)

signs = st.sampled_from(["", "<", "<=", ">", ">="])


def _in(kind: str, *parts: Any) -> Any:
    return st.tuples(st.just(kind), *parts)


terms = st.one_of(
    _in("name", st.sampled_from(WORDS)),
    _in("text", st.sampled_from([*WORDS, "oops", "longer"])),
    _in("error", st.sampled_from(["longer", "refused", "x"])),
    _in("attempts", signs, st.integers(0, 4)),
    _in("ran", signs, st.sampled_from([5, 1_000])),
    _in("added", st.sampled_from(["<", "<=", ">", ">="]), st.sampled_from([1_000, 60_000, 3_600_000])),
    _in("data", st.lists(st.sampled_from([*KEYS, "0"]), max_size=2), st.just("quoted"), st.sampled_from(WORDS)),
    _in(
        "data",
        st.lists(st.sampled_from([*KEYS, "0"]), max_size=2),
        st.just("literal"),
        st.sampled_from(["true", "null"]),
    ),
    _in("data", st.lists(st.sampled_from([*KEYS, "0"]), max_size=2), signs, st.sampled_from(NUMBERS)),
)
filters = st.lists(st.tuples(st.booleans(), terms), max_size=3)


def _typed(negated: bool, term: Any) -> str:  # noqa: FBT001 - a strategy's pair
    body = ""
    match term:
        case ("text", word):
            body = json.dumps(word)
        case ("name" | "error", word):
            body = f"{term[0]}:{json.dumps(word)}"
        case ("attempts", sign, number):
            body = f"attempts:{sign}{number}"
        case ("ran" | "added", sign, ms):
            body = f"{term[0]}:{sign}{ms}ms"
        case ("data", path, "quoted", word):
            body = f"{'.'.join(['data', *path])}:{json.dumps(word)}"
        case (_, path, "literal", word):
            body = f"{'.'.join(['data', *path])}:{word}"
        case (_, path, sign, number):
            body = f"{'.'.join(['data', *path])}:{sign}{number}"
    return f"-{body}" if negated else body


def _compare(sign: str, one: Any, other: Any) -> bool:
    results: dict[str, bool] = {
        "": one == other,
        "<": one < other,
        "<=": one <= other,
        ">": one > other,
        ">=": one >= other,
    }
    return results[sign]


def _reached(value: Any, path: list[str]) -> list[Any]:
    if not path:
        return [value, *(one for one in value if not isinstance(one, list))] if isinstance(value, list) else [value]
    key, rest = path[0], path[1:]
    if isinstance(value, list):
        if key.isdigit():
            return _reached(value[int(key)], rest) if int(key) < len(value) else []
        return [found for one in value if isinstance(one, dict) and key in one for found in _reached(one[key], rest)]
    return _reached(value[key], rest) if isinstance(value, dict) and key in value else []


def _exact(number: Any) -> Fraction:
    return Fraction(str(number))


def _oracle(job_id: str, job: dict[str, Any], term: Any) -> bool:
    match term:
        case ("text", word):
            reason = job["reason"]
            texts = [job_id, job["name"], reason, job["data"]]
            return any(word.lower() in text.lower() for text in texts if text)
        case ("name", word):
            return bool(job["name"] == word)
        case ("error", word):
            return job["reason"] is not None and word in job["reason"].lower()
        case ("attempts", sign, number):
            return _compare(sign, job["attempts"], number)
        case ("ran", sign, ms):
            return job["ran"] is not None and _compare(sign, job["ran"], ms)
        case ("added", sign, ms):
            return job["timestamp"] is not None and _compare(sign, NOW - job["timestamp"], ms)
    return _oracle_of_data(job, *term[1:])


def _oracle_of_data(job: dict[str, Any], path: list[str], how: str, wanted: Any) -> bool:
    try:
        value = json.loads(job["data"])
    except ValueError:
        return False
    return any(_oracle_of_value(one, how, wanted) for one in _reached(value, path))


def _oracle_of_value(one: Any, how: str, wanted: Any) -> bool:
    if how == "quoted":
        return isinstance(one, str) and one == wanted
    if how == "literal":
        return (one is True and wanted == "true") or (one is None and wanted == "null") or bool(one == wanted)
    if isinstance(one, str):
        return how == "" and one == str(wanted)
    is_number = isinstance(one, int | float) and not isinstance(one, bool) and math.isfinite(one)
    return is_number and _compare(how, _exact(one), _exact(wanted))


def _store(mail: Filler, stored: list[dict[str, Any]]) -> None:
    for n, job in enumerate(stored):
        fields: dict[str, Any] = {"atm": job["attempts"], "data": job["data"]}
        if job["ran"] is not None:
            fields |= {"processedOn": NOW - 100_000, "finishedOn": NOW - 100_000 + job["ran"]}
        for name, wire in (("name", "name"), ("timestamp", "timestamp"), ("reason", "failedReason")):
            if job[name] is not None:
                fields[wire] = job[name]
        mail._store(f"j{n}", fields)
        mail.client.zadd(mail.key("failed"), {f"j{n}": NOW - n // 3})


def _all_found(connection: Connection, known: Known, text: str, *, order: Any) -> list[str]:
    wish, after, found = parse(text), None, []
    for _ in range(100):
        part = search(connection, known, MAIL, "failed", wish, order=order, size=4, now_ms=NOW, after=after, most=7)
        found += [job_id for job_id, _ in part.found]
        after = part.last
        if after is None:
            return found
        assert write_cursor(after)
    raise AssertionError("the search never ends")


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stored=st.lists(jobs, max_size=20), wish=filters)
def test_the_search_finds_what_a_look_at_every_job_finds(
    connection: Connection, known: Known, redis_client: redis.Redis, stored: list[dict[str, Any]], wish: list[Any]
) -> None:
    redis_client.flushdb()
    mail = Filler(redis_client).open()
    _store(mail, stored)
    text = " ".join(_typed(negated, term) for negated, term in wish)
    expected = {
        f"j{n}"
        for n, job in enumerate(stored)
        if all(_oracle(f"j{n}", job, term) is not negated for negated, term in wish)
    }

    for order in ("newest", "oldest"):
        found = _all_found(connection, known, text, order=order)
        assert len(found) == len(set(found))
        assert set(found) == expected, text
