"""Numbers, lengths of time and moments as people type them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from board.queries.search.tree import Moment, Range

__all__ = ["duration_ms", "moment", "number", "range_of"]

UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}

_NUMBER = re.compile(r"[+-]?[0-9]{1,60}(?:\.[0-9]{1,60})?(?:[eE][+-]?[0-9]{1,3})?")
_DURATION = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)(ms|s|min|m|h|d|w)")
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?Z?)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def number(text: str) -> Decimal | None:
    """Read a number to its last digit; None when it is none."""
    if not _NUMBER.fullmatch(text):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def duration_ms(text: str) -> Decimal | None:
    """Read a length of time such as 90s or 1.5h."""
    match = _DURATION.fullmatch(text)
    return Decimal(match[1]) * UNITS[match[2]] if match else None


def _date(text: str) -> tuple[Decimal, Decimal] | None:
    """Read a day, or a minute or second of it, in UTC: when it begins and when it has ended, ms since the epoch."""
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (None if part is None else int(part) for part in match.groups())
    try:
        begins = datetime(year or 0, month or 0, day or 0, hour or 0, minute or 0, second or 0, tzinfo=UTC)
        lasts = timedelta(days=1) if hour is None else timedelta(minutes=1) if second is None else timedelta(seconds=1)
        ended = begins + lasts
    except (ValueError, OverflowError):
        return None
    one_ms = timedelta(milliseconds=1)
    return Decimal((begins - _EPOCH) // one_ms), Decimal((ended - _EPOCH) // one_ms)


def range_of(take: Callable[[str], Decimal | None], text: str) -> Range | None:
    """Read ``>5``, ``<=5``, ``2..4``, ``2..`` or ``5`` with ``take`` for each bound; None when it makes no sense."""
    for sign in ("<=", ">=", "<", ">"):
        if text.startswith(sign):
            bound = take(text[len(sign) :])
            if bound is None:
                return None
            is_open = len(sign) == 1
            return Range(None, bound, high_open=is_open) if sign[0] == "<" else Range(bound, None, low_open=is_open)
    if ".." in text:
        before, _, after = text.partition("..")
        low, high = (take(part) if part else None for part in (before, after))
        if (before and low is None) or (after and high is None) or not (before or after):
            return None
        return Range(low, high)
    only = take(text)
    return None if only is None else Range(only, only)


def moment(text: str) -> Moment | None:
    """Read how long ago (``<1h``, ``1h..2h``), or when (``>2026-11-01``, ``2026-11-01..2026-11-03``)."""
    bare = text.lstrip("<>=")
    if duration_ms(bare.partition("..")[0] or bare.partition("..")[2]) is not None:
        if bare == text and ".." not in text:
            return None  # a job is never exactly that old
        found = range_of(duration_ms, text)
        return None if found is None else Moment(found, is_age=True)
    sign = text[: len(text) - len(bare)]
    if sign in ("<", "<=", ">", ">="):
        day = _date(bare)
        if day is None:
            return None
        begins, ended = day
        whole = {
            "<": Range(None, begins, high_open=True),
            "<=": Range(None, ended, high_open=True),
            ">": Range(ended, None),
            ">=": Range(begins, None),
        }
        return Moment(whole[sign], is_age=False)
    first, dots, last = bare.partition("..")
    low, high = (_date(part) if part else None for part in (first, last if dots else first))
    if sign or (first and low is None) or (last and high is None) or not (low or high):
        return None
    return Moment(Range(low[0] if low else None, high[1] if high else None, high_open=True), is_age=False)
