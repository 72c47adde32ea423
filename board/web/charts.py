"""Lines, marks and axes of charts, as the attributes that SVG wants: the security policy forbids inline styles."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["area", "columns", "line", "marks", "nice_span", "nice_top", "spot"]

Values = Sequence[float | None]


def nice_top(values: Values, least: float = 1.0) -> float:
    """Return a round number that no value exceeds: 1, 2, 3, 4, 5, 6 or 8 times a power of ten."""
    largest = max((value for value in values if value is not None), default=0.0)
    if largest <= least:
        return least
    power = 10.0 ** math.floor(math.log10(largest))
    return next((step * power for step in (1, 2, 3, 4, 5, 6, 8) if step * power >= largest), 10 * power)


_SPANS_MS = tuple(minutes * 60_000 for minutes in (1, 2, 4, 6, 10, 20, 40, 60, 120, 240, 480, 720, 1440))
_DAY_MS = 86_400_000


def nice_span(values: Values, least: float = 1.0) -> float:
    """Return a length of time, ms, that no value exceeds and that reads round, as its half does: 2 min, not 1.7."""
    largest = max((value for value in values if value is not None), default=0.0)
    if largest <= _SPANS_MS[0]:
        return nice_top(values, least)
    return next((span for span in _SPANS_MS if span >= largest), nice_top([largest / _DAY_MS]) * _DAY_MS)


def line(values: Values, top: float) -> str:
    """Return a path in a box of 100 by 100; what is unknown interrupts it, and a value alone is a short stroke."""
    return " ".join(_run(values, start, end, top) for start, end in _runs(values))


def area(values: Values, top: float) -> str:
    """Return the same path closed at the bottom."""
    return " ".join(
        f"{_run(values, start, end, top)}L{_x(max(end - 1, start), len(values))} 100L{_x(start, len(values))} 100z"
        for start, end in _runs(values)
    )


def columns(values: Values, top: float) -> str:
    """Return a column for each value that is more than nothing."""
    width = 100 / max(1, len(values))
    return "".join(
        f"M{at * width:.2f} 100V{100 - 100 * value / top:.2f}h{width * 0.72:.2f}V100z"
        for at, value in enumerate(values)
        if value
    )


def marks(moments: Sequence[int], first: int, last: int) -> str:
    """Return an upright stroke at each moment between the first and the last point; after it, at the end."""
    spots = sorted({spot(at, first, last) for at in moments})
    return "".join(f"M{at:.2f} 0V100" for at in spots)


def spot(moment: int, first: int, last: int) -> float:
    """Return where a moment is between the first and the last point, in hundredths; after it, at the end."""
    return round(100 * min(1.0, max(0.0, (moment - first) / max(1, last - first))), 2)


def _run(values: Values, start: int, end: int, top: float) -> str:
    spots = [f"{_x(at, len(values))} {100 - 100 * (values[at] or 0) / top:.2f}" for at in range(start, end)]
    return f"M{'L'.join(spots)}" + ("h0.6" if len(spots) == 1 else "")


def _runs(values: Values) -> list[tuple[int, int]]:
    """Return where known values follow one another without a gap."""
    runs: list[tuple[int, int]] = []
    start: int | None = None
    for at, value in enumerate([*values, None]):
        if value is not None and start is None:
            start = at
        elif value is None and start is not None:
            runs.append((start, at))
            start = None
    return runs


def _x(at: int, count: int) -> str:
    return f"{100 * at / max(1, count - 1):.2f}"
