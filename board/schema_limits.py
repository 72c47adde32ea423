"""How much the check of one piece of data against a JSON Schema may take.

The library bounds nothing: references that lead to one another, and what it compares each with each, would hold the
process for as long as somebody's data want.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from board.words import Count, sentence

__all__ = ["MOST_UNEVALUATED", "REFERENCES", "TOO_WIDE", "TooWideError", "frugal", "limited"]

MOST_REFERENCES: Final = 100_000
"""Followed to check one piece of data, some seconds. Forms that refer to themselves are tried in each other: a hundred
bytes that nest can ask for billions."""

MOST_UNEVALUATED: Final = 2_000
"""Properties or entries of one value that are held against all that the rest of its schema has looked at: the library
compares each with each, a twentieth of a second for so many. What all values of one piece of data take is no more."""


@dataclass(slots=True)
class _Left:
    """What may still be spent on one piece of data.

    Attributes:
        references: to follow.
        pairs: of properties or entries to compare.
    """

    references: int = MOST_REFERENCES
    pairs: int = MOST_UNEVALUATED**2


_left: ContextVar[_Left | None] = ContextVar("queue-board-schema-left", default=None)


class TooWideError(ValueError):
    """Too many properties or entries to be held against each other."""


TOO_WIDE: Final = sentence(
    "has too many properties or entries to be checked for some that the schema does not name: allowed are %(most)s in "
    "one value, %(half)s in each of 4, or %(few)s in each of 400",
    most=Count(MOST_UNEVALUATED),
    half=Count(MOST_UNEVALUATED // 2),
    few=Count(MOST_UNEVALUATED // 20),
)

REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")

UNEVALUATED: Final[Mapping[str, type[Sized]]] = {"unevaluatedProperties": dict, "unevaluatedItems": list}
"""Keywords, and what they are about."""


@contextmanager
def limited() -> Iterator[None]:
    """Count what the check in it takes; without, as when a schema is declared, nothing is counted.

    Raises:
        TooWideError: too much was to be compared; ``TOO_WIDE`` says what is allowed.
        ValueError: too many references were to be followed.
    """
    counting = _left.set(_Left())
    try:
        yield
    finally:
        _left.reset(counting)


@cache
def frugal(kind: Any) -> Any:
    """Return the library's kind of validator, which takes what is left and no more, and looks for twins in one pass."""
    from jsonschema.validators import extend  # noqa: PLC0415 - late: only a board with schemas spends a tenth of a second on it

    follow = {name: _counted(kind.VALIDATORS[name]) for name in REFERENCES if name in kind.VALIDATORS}
    wide = {
        name: _narrow(kind.VALIDATORS[name], about) for name, about in UNEVALUATED.items() if name in kind.VALIDATORS
    }
    return extend(kind, {**follow, **wide, "uniqueItems": _unique})


def _counted(follow: Callable[..., Any]) -> Callable[..., Any]:
    def counted(*given: Any) -> Any:
        left = _left.get()
        if left is not None:
            left.references -= 1
            if left.references < 0:
                raise ValueError("too many references to follow")
        return follow(*given)

    return counted


def _narrow(check: Callable[..., Any], about: type[Sized]) -> Callable[..., Any]:
    def narrow(validator: Any, wanted: Any, value: Any, schema: Any) -> Any:
        left = _left.get()
        if left is not None and isinstance(value, about):
            left.pairs -= len(value) ** 2
            if left.pairs < 0:
                raise TooWideError
        return check(validator, wanted, value, schema)

    return narrow


def _unique(_validator: Any, wanted: Any, value: Any, _schema: Any) -> Iterator[Any]:
    """Look for an entry that is there twice, in one pass: the library compares each with all others."""
    from jsonschema import ValidationError  # noqa: PLC0415 - late, as above

    if wanted is True and isinstance(value, list) and len({_hashable(one) for one in value}) < len(value):
        yield ValidationError("")


def _hashable(value: Any) -> Any:
    """Return what is equal for JSON values that are equal: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, list):
        return (list, *map(_hashable, value))
    if isinstance(value, dict):
        return frozenset((name, _hashable(one)) for name, one in value.items())
    return (bool, value) if isinstance(value, bool) else value
