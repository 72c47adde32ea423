"""Posted forms and query strings as values. What makes no sense is a ``BadRequestError`` with a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from board.actions.jobs import ACTIONS
from board.auth.preferences import THEMES
from board.errors import BadRequestError
from board.words import Count, sentence

__all__ = ["BulkForm", "LoginForm", "length_ms", "theme", "whole"]

LONGEST_ID = 1_000
"""Characters of a job id that a form may send; longer ones make addresses that servers refuse."""


class _Values(Protocol):
    """What a posted form can be asked."""

    def get(self, key: str, default: str) -> str: ...
    def getlist(self, key: str) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class LoginForm:
    """A name and a password, as typed."""

    name: str
    password: str

    @classmethod
    def read(cls, form: Mapping[str, str]) -> LoginForm:
        """Read the form of the sign-in page; both may be empty, which is as wrong as any other pair."""
        return cls(form.get("name", "")[:256], form.get("password", ""))


@dataclass(frozen=True, slots=True)
class BulkForm:
    """An action on a selection of jobs.

    Attributes:
        verb: retry, promote or remove.
        ids: what was ticked, each once.
        is_confirmed: whether the page that says what will be touched was seen.
    """

    verb: str
    ids: tuple[str, ...]
    is_confirmed: bool

    @classmethod
    def read(cls, form: _Values) -> BulkForm:
        """Read the form around a list of jobs.

        Raises:
            BadRequestError: no such verb, nothing ticked, or an id too long to be one.
        """
        verb = form.get("verb", "")
        ids = tuple(dict.fromkeys(one for one in form.getlist("id") if one))
        problems = []
        if verb not in ACTIONS:
            problems.append(sentence("There is no action %(name)s.", name=repr(verb[:40])))
        if not ids:
            problems.append(sentence("No job was selected."))
        if any(len(one) > LONGEST_ID for one in ids):
            problems.append(sentence("A job id has more than %(most)s characters.", most=Count(LONGEST_ID)))
        if problems:
            raise BadRequestError(*problems)
        return cls(verb, ids, form.get("confirmed", "") == "1")


def theme(form: Mapping[str, str]) -> str:
    """Read the choice of a theme.

    Raises:
        BadRequestError: there is no such theme.
    """
    chosen = form.get("theme", "")
    if chosen not in THEMES:
        raise BadRequestError(sentence("There is no theme %(name)s.", name=repr(chosen[:40])))
    return chosen


UNITS = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000, "days": 86_400_000}
"""Units of time that forms offer, in ms."""

LONGEST_MS = 366 * 86_400_000
"""Longest delay or age a form may ask for: a leap year."""


def whole(form: Mapping[str, str], field: str, noun: str, low: int, high: int) -> int:
    """Read a whole number.

    Raises:
        BadRequestError: it is none, or out of bounds.
    """
    text = form.get(field, "").strip()
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else -1
    if not low <= number <= high:
        raise BadRequestError(
            sentence(
                "%(noun)s is a whole number from %(low)s to %(high)s, not %(text)s.",
                noun=noun,
                low=Count(low),
                high=Count(high),
                text=repr(text[:40]),
            )
        )
    return number


def length_ms(form: Mapping[str, str], field: str) -> int:
    """Read a length of time: a number, and its unit in the field ``…_unit``.

    Raises:
        BadRequestError: no number, no unit, or longer than a year.
    """
    unit = form.get(f"{field}_unit", "") or "s"
    if unit not in UNITS:
        raise BadRequestError(sentence("There is no unit of time %(name)s.", name=repr(unit[:40])))
    return whole(form, field, sentence("A length of time"), 0, LONGEST_MS // UNITS[unit]) * UNITS[unit]
