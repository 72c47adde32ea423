"""What a filter is made of: terms that must all hold, each a field and the values it may have."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from board.errors import BadRequestError
from board.words import sentence

__all__ = [
    "FIELDS",
    "NOTHING",
    "Filter",
    "FilterError",
    "Holds",
    "Kind",
    "Literal",
    "Moment",
    "Present",
    "Range",
    "Same",
    "Term",
    "Value",
]


class Kind(Enum):
    """How the values of a field are compared."""

    TEXT = "text"
    """Contained somewhere, ignoring case."""
    WHOLE = "whole"
    """The whole of it, case matters; ``*`` stands for any characters."""
    STATE = "state"
    NUMBER = "number"
    DURATION = "duration"
    MOMENT = "moment"
    JSON = "json"


FIELDS: dict[str, Kind] = {
    "text": Kind.TEXT,
    "id": Kind.WHOLE,
    "name": Kind.WHOLE,
    "state": Kind.STATE,
    "error": Kind.TEXT,
    "class": Kind.WHOLE,
    "worker": Kind.WHOLE,
    "attempts": Kind.NUMBER,
    "priority": Kind.NUMBER,
    "ran": Kind.DURATION,
    "added": Kind.MOMENT,
    "started": Kind.MOMENT,
    "finished": Kind.MOMENT,
    "failed": Kind.MOMENT,
    "completed": Kind.MOMENT,
    "data": Kind.JSON,
    "returned": Kind.JSON,
}
"""Every field; ``age`` is another spelling of ``added``, and a word without a field is ``text``."""


class FilterError(BadRequestError):
    """A filter that makes no sense.

    Attributes:
        position: where, counted from 1.
    """

    def __init__(self, position: int, problem: str) -> None:
        self.position = position
        super().__init__(sentence("At character %(position)s: %(problem)s", position=position, problem=problem))


@dataclass(frozen=True, slots=True)
class Same:
    """A whole text; ``*`` stands for any characters unless it was quoted."""

    text: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Holds:
    """A text within a text, in lower case."""

    text: str


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers between two bounds, None for none; a duration is in ms."""

    low: Decimal | None
    high: Decimal | None
    low_open: bool = False
    high_open: bool = False


@dataclass(frozen=True, slots=True)
class Moment:
    """A time: so long ago (``is_age``, ms before now), or by the calendar (ms since the epoch)."""

    range: Range
    is_age: bool


@dataclass(frozen=True, slots=True)
class Literal:
    """A value of JSON: a number, a word of JSON (true, false, null), or else a text.

    Unquoted it is also the string with those characters; quoted it is that string only.
    """

    text: str
    number: Decimal | None = None
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Present:
    """Any value, as long as there is one."""


Value = Same | Holds | Range | Moment | Literal | Present


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that must hold.

    Attributes:
        field: a name of ``FIELDS``.
        values: one of them is enough.
        path: keys and indexes below ``data`` or ``returned``.
        is_negated: it must not hold.
        source: as it was typed.
    """

    field: str
    values: tuple[Value, ...]
    path: tuple[str, ...] = ()
    is_negated: bool = False
    source: str = ""


@dataclass(frozen=True, slots=True)
class Filter:
    """Terms that must all hold; without any, every job matches."""

    terms: tuple[Term, ...] = ()

    @property
    def text(self) -> str:
        """The filter as it can be typed."""
        return " ".join(term.source for term in self.terms)

    def without(self, at: int) -> Filter:
        """Return the filter without the term of that index."""
        return Filter(self.terms[:at] + self.terms[at + 1 :])


NOTHING = Filter()
"""Asks for nothing, so every job matches."""
