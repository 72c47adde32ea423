"""What a filter asks for, in words."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from board.queries.search.tree import FIELDS, Filter, Kind, Literal, Moment, Present, Range, Same, Term, Value
from board.spans import duration
from board.words import Sentence, sentence

__all__ = ["in_words", "term_text"]

_NAMES = {
    "text": sentence("id, name, error or data"),
    "class": sentence("error class"),
    "worker": sentence("worker"),
    "attempts": sentence("attempts made"),
    "ran": sentence("run time"),
    "returned": sentence("return value"),
}


def in_words(wish: Filter) -> str:
    """Write a filter as one sentence without its full stop; empty for one that asks for nothing."""
    if not wish.terms:
        return ""
    told = _term(wish.terms[0])
    for term in wish.terms[1:]:
        told = sentence("%(terms)s, and %(next)s", terms=told, next=_term(term))
    return told


def term_text(field: str, value: str) -> str:
    """Spell a term that asks for exactly this value, whatever characters it has."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{field}:"{escaped}"'


def _term(term: Term) -> Sentence:
    kind = FIELDS[term.field]
    name = _NAMES.get(term.field, term.field)
    if term.path:
        name = Sentence(
            f"{name}.{'.'.join(term.path)}", "%(name)s.%(path)s", values={"name": name, "path": ".".join(term.path)}
        )
    values = _value(term.values[0], kind)
    for value in term.values[1:]:
        values = sentence("%(values)s or %(next)s", values=values, next=_value(value, kind))
    if kind is Kind.TEXT:
        if term.is_negated:
            return sentence("%(name)s does not contain %(values)s", name=name, values=values)
        return sentence("%(name)s contains %(values)s", name=name, values=values)
    if kind is Kind.MOMENT:
        if term.is_negated:
            return sentence("not %(name)s %(values)s", name=name, values=values)
        return sentence("%(name)s %(values)s", name=name, values=values)
    if term.is_negated:
        return sentence("%(name)s is not %(values)s", name=name, values=values)
    return sentence("%(name)s is %(values)s", name=name, values=values)


def _value(value: Value, kind: Kind) -> str:
    if isinstance(value, Present):
        return sentence("at any time") if kind is Kind.MOMENT else sentence("there")
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
        value = spell(wish.high)
        return (
            sentence("under %(value)s", value=value) if wish.high_open else sentence("at most %(value)s", value=value)
        )
    if wish.high is None and wish.low is not None:
        value = spell(wish.low)
        return sentence("over %(value)s", value=value) if wish.low_open else sentence("at least %(value)s", value=value)
    low, high = spell(wish.low or Decimal(0)), spell(wish.high or Decimal(0))
    return sentence("from %(low)s to %(high)s", low=low, high=high)


def _moment(value: Moment) -> Sentence:
    wish = value.range
    if value.is_age:
        if wish.low is None and wish.high is not None:
            return sentence("less than %(time)s ago", time=duration(int(wish.high)))
        if wish.high is None and wish.low is not None:
            return sentence("more than %(time)s ago", time=duration(int(wish.low)))
        return sentence("%(time)s ago", time=_between(wish, Kind.DURATION))
    low, high = (
        None if one is None else f"{datetime.fromtimestamp(int(one) / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
        for one in (wish.low, wish.high)
    )
    if low is None:
        return sentence("before %(time)s", time=high)
    if high is None:
        return sentence("since %(time)s", time=low)
    return sentence("from %(begin)s until %(end)s", begin=low, end=high)
