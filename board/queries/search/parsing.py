"""From what was typed to a ``Filter``, or to a sentence about the first thing in it that makes no sense.

One pass over at most 400 characters, without backtracking and without patterns of the user's that could run long.
"""

from __future__ import annotations

import difflib
import re

from board.queries.search.tree import FIELDS, Filter, FilterError, Holds, Kind, Literal, Present, Same, Term, Value
from board.queries.search.values import duration_ms, moment, number, range_of
from board.queries.shared import STATES
from board.queries.text import display
from board.redaction import hides
from board.words import Sentence, sentence

__all__ = ["MOST_CHARACTERS", "MOST_TERMS", "MOST_VALUES", "parse"]

MOST_CHARACTERS = 400
MOST_TERMS = 16
MOST_VALUES = 32
MOST_KEYS = 12

_FIELD = re.compile(r"([A-Za-z][A-Za-z_-]*)(?=[:.])")
_PLAIN_KEY = re.compile(r'[^\s":.,]+')
_PLAIN = re.compile(r'[^\s",]+')
_ALIASES = {"age": "added"}
_ALLOWED = {
    Kind.NUMBER: sentence("a whole number, >2, <=5 or 2..4"),
    Kind.DURATION: sentence("a length of time such as 500ms, >5s, <2min or 1h..2h"),
    Kind.MOMENT: sentence(
        "how long ago, such as <1h, >2d or 1h..2h, or a date, such as 2026-11-01 or >2026-11-01T08:00"
    ),
    Kind.STATE: sentence("one of %(states)s", states=", ".join(STATES)),
}


def parse(text: str) -> Filter:
    """Read a filter.

    Raises:
        FilterError: it makes no sense; says where, what is allowed there and what to do.
    """
    if len(text) > MOST_CHARACTERS:
        raise FilterError(
            MOST_CHARACTERS + 1,
            sentence("a filter has at most %(n)s characters. Leave something out.", n=MOST_CHARACTERS),
        )
    reader = _Reader(text)
    terms: list[Term] = []
    while reader.skip():
        if len(terms) == MOST_TERMS:
            raise FilterError(
                reader.at + 1, sentence("a filter has at most %(n)s terms. Leave something out.", n=MOST_TERMS)
            )
        terms.append(reader.term())
    return Filter(tuple(terms))


class _Reader:
    """Reads term after term."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def skip(self) -> bool:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1
        return self.at < len(self.text)

    def term(self) -> Term:
        start = self.at
        is_negated = self._peek() == "-" and not self._ends(self.at + 1)
        if is_negated:
            self.at += 1
        field, path = self._field()
        values = self._values(field)
        return Term(field, values, path, is_negated, self.text[start : self.at])

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _ends(self, at: int) -> bool:
        return at >= len(self.text) or self.text[at].isspace()

    def _field(self) -> tuple[str, tuple[str, ...]]:
        match = _FIELD.match(self.text, self.at)
        if match is None:
            return "text", ()
        start = self.at
        name = _ALIASES.get(match[1].lower(), match[1].lower())
        if self.text[match.end()] == ".":
            if FIELDS.get(name) is not Kind.JSON:
                return "text", ()
            self.at = match.end()
            path = self._path()
            if path is None:
                self.at = start
                return "text", ()
            return name, path
        if name not in FIELDS:
            near = difflib.get_close_matches(name, FIELDS, 1)
            if near:
                told = sentence(
                    "there is no field %(name)s. Did you mean %(near)s:? Put a text with a colon in it in quotes.",
                    name=match[1][:40],
                    near=near[0],
                )
            else:
                told = sentence(
                    "there is no field %(name)s. There are %(fields)s. Put a text with a colon in it in quotes.",
                    name=match[1][:40],
                    fields=", ".join(FIELDS),
                )
            raise FilterError(start + 1, told)
        self.at = match.end() + 1
        return name, ()

    def _path(self) -> tuple[str, ...] | None:
        """Read ``.key.key:``; None when no colon follows, for then it was no path but a word."""
        keys: list[str] = []
        while self._peek() == ".":
            self.at += 1
            begins = self.at
            if self._peek() == '"':
                key = self._quoted()
            else:
                match = _PLAIN_KEY.match(self.text, self.at)
                if match is None:
                    return None
                key = match[0]
                self.at = match.end()
            if hides(key, (*keys, key)):
                raise FilterError(
                    begins + 1,
                    sentence("values of %(key)s are hidden, so nothing is found by them. Leave it out.", key=key),
                )
            keys.append(key)
            if len(keys) > MOST_KEYS:
                raise FilterError(begins + 1, sentence("a path has at most %(n)s keys.", n=MOST_KEYS))
        if self._peek() != ":":
            return None
        self.at += 1
        return tuple(keys)

    def _quoted(self) -> str:
        start = self.at
        self.at += 1
        found: list[str] = []
        while self.at < len(self.text):
            one = self.text[self.at]
            if one == '"':
                self.at += 1
                return "".join(found)
            if one == "\\" and self.text[self.at + 1 : self.at + 2] in ('"', "\\"):
                self.at += 1
                one = self.text[self.at]
            found.append(one)
            self.at += 1
        raise FilterError(
            start + 1, sentence('this quote is never closed. Add a ", or write \\" for a quote in a text.')
        )

    def _values(self, field: str) -> tuple[Value, ...]:
        found: list[Value] = []
        while True:
            begins = self.at
            if self._peek() == '"':
                raw, quoted = self._quoted(), True
            else:
                match = _PLAIN.match(self.text, self.at)
                if match is None:
                    raise FilterError(begins + 1, _missing(field, self._ends(begins)))
                raw, quoted = match[0], False
                self.at = match.end()
                if self._peek() == '"':
                    raise FilterError(
                        self.at + 1, sentence("a quote must begin a value. Put the whole value in quotes.")
                    )
            found.append(_value(field, raw, quoted=quoted, position=begins + 1))
            if len(found) > MOST_VALUES:
                raise FilterError(begins + 1, sentence("a term has at most %(n)s alternatives.", n=MOST_VALUES))
            if self._peek() != ",":
                break
            self.at += 1
        if not self._ends(self.at):
            raise FilterError(self.at + 1, sentence("a space must follow a text in quotes."))
        return tuple(found)


def _missing(field: str, is_end: bool) -> Sentence:  # noqa: FBT001 - one caller
    if not is_end:
        return sentence("a comma stands between two values. Put a text with commas in quotes.")
    what = _ALLOWED.get(FIELDS[field], sentence("a word, or a text in quotes"))
    return sentence("a value is missing here: %(what)s.", what=what)


def _value(field: str, raw: str, *, quoted: bool, position: int) -> Value:
    kind = FIELDS[field]
    if raw == "*" and not quoted and kind in (Kind.JSON, Kind.WHOLE, Kind.MOMENT):
        return Present()
    if kind is Kind.TEXT:
        if not raw:
            raise FilterError(position, sentence("an empty text is in every job. Leave it out."))
        return Holds(raw.lower())
    if kind is Kind.WHOLE:
        return Same(raw, quoted)
    if kind is Kind.JSON:
        return Literal(raw, quoted=True) if quoted else _literal(raw)
    found: Value | None
    if kind is Kind.STATE:
        found = Same(raw.lower(), quoted=True) if raw.lower() in STATES else None
    elif kind is Kind.NUMBER:
        found = range_of(number, raw)
    elif kind is Kind.DURATION:
        found = range_of(duration_ms, raw)
    else:
        found = moment(raw)
    if found is None:
        raise FilterError(
            position,
            sentence(
                "“%(value)s” is no value of %(field)s. Allowed is %(allowed)s.",
                value=display(raw[:60]),
                field=field,
                allowed=_ALLOWED[kind],
            ),
        )
    return found


def _literal(raw: str) -> Value:
    """Read an unquoted value of JSON: a range of numbers, a number, a word, or a text."""
    exact = number(raw)
    if exact is not None:
        return Literal(raw, exact)
    return range_of(number, raw) or Literal(raw)
