"""Lengths of time and shares as people read them: where a unit begins, and how many figures its number has.

Pages write them by ``board.web.filters``, sentences of lower layers by ``duration`` and ``percentage``, with the same
messages.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from board.words import Amount, Sentence, sentence, sentences

__all__ = ["duration", "in_unit", "measured", "percentage", "two_figures"]

_SECOND: Final = 1_000
_MINUTE: Final = 60 * _SECOND
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR


def duration(length_ms: float | timedelta) -> Sentence:
    """Write a duration within a sentence: ``840 ms``, ``5 s``, ``2.5 min``, ``3 h``, ``7 days``."""
    number, unit = measured(length_ms.total_seconds() * 1000 if isinstance(length_ms, timedelta) else length_ms)
    return in_unit(number, unit)


def percentage(share: float, *, is_exact: bool = False) -> Sentence:
    """Write a share of one hundred: `<0.1%` for what would round to nothing, and less than `100%` for less than all.

    A decimal that is not 0 is written below 10 and above 99, and everywhere where ``is_exact``: of figures that are
    held against a limit.
    """
    if 0 < share < 0.05:  # half of the last digit shown
        return sentence("<%(share)s%%", share=Amount("0.1"))
    rounded = min(round(share, 1), 99.9) if share < 100 else round(share, 1)
    has_decimal = rounded != int(rounded) and (is_exact or rounded < 10 or 99 < rounded < 100)
    return sentence("%(share)s%%", share=Amount(f"{rounded:.1f}" if has_decimal else f"{rounded:.0f}"))


def in_unit(number: str, unit: str) -> Sentence:
    """Return a number, written the English way, of a unit of time."""
    n = Amount(number)
    if unit == "ms":
        return sentence("%(n)s ms", n=n)
    if unit == "s":
        return sentence("%(n)s s", n=n)
    if unit == "min":
        return sentence("%(n)s min", n=n)
    if unit == "h":
        return sentence("%(n)s h", n=n)
    return sentences("%(n)s day", "%(n)s days", 1 if number == "1" else 2, n=n)


def measured(length_ms: float) -> tuple[str, str]:
    """Return the number of two figures and the unit of a duration: ms, s, min, h or days."""
    length = abs(length_ms)
    if length < 9.95 and length != int(length):  # a round trip to Redis
        return _short(length), "ms"
    if length < 999.5:  # rounds to a second
        return f"{length:.0f}", "ms"
    if length < 59.5 * _SECOND:
        return _short(length / _SECOND), "s"
    if length < 59.5 * _MINUTE:
        return _short(length / _MINUTE), "min"
    if length < 47.5 * _HOUR:
        return _short(length / _HOUR), "h"
    return f"{length / _DAY:,.0f}", "days"


def two_figures(value: float) -> str:
    """Write a number with one decimal below ten, and none above."""
    return f"{value:.1f}" if value < 9.95 else f"{value:,.0f}"  # rounds to two digits


def _short(value: float) -> str:
    """Two figures, but `3` and not `3.0`, as `times.js` writes it."""
    return two_figures(value).removesuffix(".0")
