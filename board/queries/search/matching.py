"""Whether a job is one of those that a filter asks for.

What a job does not have matches no value, so it matches the negation of every value.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from board.engine.commands.pages import UNNAMED_ERROR
from board.queries.payload import Number, Pairs
from board.queries.search.subject import MISSING, Subject
from board.queries.search.tree import Filter, Holds, Literal, Moment, Present, Range, Same, Term, Value
from board.redaction import redact_text

__all__ = ["matches"]

MOST_VALUES = 10_000
"""Values looked at below one path; a wider list is not searched to its end."""

_WORDS = {"true": True, "false": False, "null": None}


def matches(wish: Filter, job: Subject, now_ms: int) -> bool:
    """Tell whether every term holds."""
    return all(_holds(term, job, now_ms) is not term.is_negated for term in wish.terms)


def _holds(term: Term, job: Subject, now_ms: int) -> bool:  # noqa: C901 - a table of fields, one line each
    field = term.field
    if field == "text":
        return any(value.text in text for value in term.values if isinstance(value, Holds) for text in job.texts)
    if field == "error":
        return any(value.text in job.error_text for value in term.values if isinstance(value, Holds))
    if field in ("data", "returned"):
        found = job.data_value if field == "data" else job.returned_value
        return any(_is(value, _plain(one)) for one in _below(found, term.path) for value in term.values)
    if (field == "failed" and job.state != "failed") or (field == "completed" and job.state != "completed"):
        return False
    one: object
    match field:
        case "id":
            one = job.id
        case "name":
            one = job.name
        case "state":
            one = job.state
        case "class":
            one = job.error_class or (UNNAMED_ERROR if job.reason is not None else None)
        case "worker":
            one = job.worker
        case "attempts":
            one = job.attempts
        case "priority":
            one = job.priority
        case "ran":
            started, finished = job.started_ms, job.finished_ms
            one = None if started is None or finished is None else max(0, finished - started)
        case "added":
            one = job.added_ms
        case "started":
            one = job.started_ms
        case _:
            one = job.finished_ms
    return one is not None and any(_fits(value, one, now_ms) for value in term.values)


def _fits(value: Value, one: object, now_ms: int) -> bool:
    if isinstance(value, Present):
        return True
    if isinstance(value, Same):
        return isinstance(one, str) and _same(value, one)
    if not isinstance(one, int):
        return False
    if isinstance(value, Moment):
        return _within(value.range, Decimal(now_ms - one if value.is_age else one))
    return isinstance(value, Range) and _within(value, Decimal(one))


def _same(value: Same, text: str) -> bool:
    if value.quoted or "*" not in value.text:
        return value.text == text
    return _like(value.text, text)


def _like(pattern: str, text: str) -> bool:
    """Compare with a pattern in which ``*`` stands for any characters: the parts are looked for one after another."""
    first, *middle, last = pattern.split("*")
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _within(wish: Range, number: Decimal) -> bool:
    if wish.low is not None and (number < wish.low or (wish.low_open and number == wish.low)):
        return False
    return wish.high is None or not (number > wish.high or (wish.high_open and number == wish.high))


def _below(value: Any, path: tuple[str, ...]) -> Iterator[Any]:
    """Yield the values at a path: a key of an object, an index of a list, or else that key in every entry of a list."""
    if value is MISSING:
        return
    level = [value]
    for key in path:
        below: list[Any] = []
        for one in level:
            if isinstance(one, list) and not isinstance(one, Pairs) and not _is_index(key, one):
                entries = [entry for entry in one if isinstance(entry, Pairs)]
            else:
                entries = [one]
            for entry in entries:
                if len(below) >= MOST_VALUES:
                    break
                below += _step(entry, key)
        level = below
    yielded = 0
    for one in level:
        yield one
        if isinstance(one, list) and not isinstance(one, Pairs):
            for entry in one:
                yielded += 1
                if yielded > MOST_VALUES:
                    return
                if not isinstance(entry, list):
                    yield entry


def _is_index(key: str, values: list[Any]) -> bool:
    return key.isascii() and key.isdigit() and len(key) < 10 and int(key) < len(values)


def _step(value: Any, key: str) -> list[Any]:
    if isinstance(value, Pairs):
        return [value.get(key)] if any(name == key for name, _ in value) else []
    if isinstance(value, list) and _is_index(key, value):
        return [value[int(key)]]
    return []


def _is(value: Value, one: Any) -> bool:
    """Compare a value of JSON: numbers by what they are and not by how they are written, texts by every character."""
    if isinstance(value, Present):
        return True
    if isinstance(one, Number):
        return _is_number(value, one.text)
    if isinstance(one, str):
        if not isinstance(value, Literal):
            return False
        return one == value.text if value.quoted or "*" not in value.text else _like(value.text, one)
    if isinstance(value, Literal) and not value.quoted and value.text in _WORDS and not isinstance(one, list):
        return one is _WORDS[value.text]
    return False


def _is_number(value: Value, text: str) -> bool:
    if len(text) > 2_000:
        return False
    try:
        number = Decimal(text)
    except InvalidOperation:
        return False
    if isinstance(value, Range):
        return _within(value, number)
    return isinstance(value, Literal) and value.number is not None and value.number == number


def _plain(value: object) -> object:
    """Return a value as it is shown: a text without what is recognisable as a secret in it."""
    return redact_text(value) if isinstance(value, str) else value
