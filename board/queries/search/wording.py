"""What a filter asks for, in words."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from board.queries.search.tree import FIELDS, Filter, Kind, Literal, Moment, Present, Range, Same, Term, Value
from board.spans import duration

__all__ = ["in_words", "term_text"]

_NAMES = {
    "text": "id, name, error or data",
    "class": "error class",
    "worker": "worker",
    "attempts": "attempts made",
    "ran": "run time",
    "returned": "return value",
}


def in_words(wish: Filter) -> str:
    """Write a filter as one sentence without its full stop; empty for one that asks for nothing."""
    return ", and ".join(_term(term) for term in wish.terms)


def term_text(field: str, value: str) -> str:
    """Spell a term that asks for exactly this value, whatever characters it has."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{field}:"{escaped}"'


def _term(term: Term) -> str:
    field = term.field
    name = ".".join((_NAMES.get(field, field), *term.path))
    values = " or ".join(_value(value, FIELDS[field]) for value in term.values)
    if FIELDS[field] is Kind.TEXT:
        return f"{name} {'does not contain' if term.is_negated else 'contains'} {values}"
    if FIELDS[field] is Kind.MOMENT:
        return f"{'not ' if term.is_negated else ''}{name} {values}"
    return f"{name} is {'not ' if term.is_negated else ''}{values}"


def _value(value: Value, kind: Kind) -> str:
    if isinstance(value, Present):
        return "at any time" if kind is Kind.MOMENT else "there"
    if isinstance(value, Moment):
        return _moment(value)
    if isinstance(value, Range):
        return _between(value, kind)
    if isinstance(value, Literal):
        return f"“{value.text}”" if value.quoted or value.number is None else value.text
    if isinstance(value, Same):
        return value.text if kind is Kind.STATE else f"“{value.text}”"
    return f"“{value.text}”"


def _between(wish: Range, kind: Kind) -> str:
    def spell(number: Decimal) -> str:
        return duration(int(number)) if kind in (Kind.DURATION, Kind.MOMENT) else f"{number:f}"[:80]

    if wish.low is not None and wish.low == wish.high:
        return spell(wish.low)
    if wish.low is None and wish.high is not None:
        return f"{'under' if wish.high_open else 'at most'} {spell(wish.high)}"
    if wish.high is None and wish.low is not None:
        return f"{'over' if wish.low_open else 'at least'} {spell(wish.low)}"
    return f"from {spell(wish.low or Decimal(0))} to {spell(wish.high or Decimal(0))}"


def _moment(value: Moment) -> str:
    wish = value.range
    if value.is_age:
        if wish.low is None and wish.high is not None:
            return f"less than {duration(int(wish.high))} ago"
        if wish.high is None and wish.low is not None:
            return f"more than {duration(int(wish.low))} ago"
        return f"{_between(wish, Kind.DURATION)} ago"
    ends = [
        None if one is None else f"{datetime.fromtimestamp(int(one) / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
        for one in (wish.low, wish.high)
    ]
    if ends[0] is None:
        return f"before {ends[1]}"
    return f"since {ends[0]}" if ends[1] is None else f"from {ends[0]} until {ends[1]}"
