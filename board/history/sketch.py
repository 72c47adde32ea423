"""How long things took, in little room: a sketch tells any percentile within two percent, and can be added to another.

A duration falls into one of the bins whose borders grow by the factor (1 + a) / (1 - a), a = 0.02; each bin counts, and
answers with a value that is at most two percent away from everything in it. This is the idea of DDSketch (Masson, Rim,
Lee, 2019). A merge adds counts, so ten minutes are exactly the sum of their minutes. From a millisecond to a year there
are 606 bins; a queue fills some dozen of them, three bytes each.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

__all__ = ["ACCURACY", "Bins", "add", "count", "flat", "merge", "quantile", "unflat"]

ACCURACY = 0.02
"""Largest relative error of a percentile."""

_FACTOR = (1 + ACCURACY) / (1 - ACCURACY)
_LOG = math.log(_FACTOR)
_HIGHEST = math.ceil(math.log(366 * 86_400_000) / _LOG)

Bins = dict[int, int]
"""Bin to count. Bin 0 is everything under half a millisecond; bin n, n > 0, ends at FACTOR ** (n - 1) ms."""


def add(bins: Bins, duration_ms: float, times: int = 1) -> None:
    """Count a duration; what is negative is zero, what is longer than a year is a year."""
    # The protocol knows whole milliseconds: less than half of one is none.
    at = 0 if duration_ms < 0.5 else min(_HIGHEST, max(1, 1 + math.ceil(math.log(duration_ms) / _LOG - 1e-9)))
    bins[at] = bins.get(at, 0) + times


def merge(into: Bins, other: Mapping[int, int]) -> None:
    """Add the counts of one sketch to another."""
    for at, number in other.items():
        into[at] = into.get(at, 0) + number


def count(bins: Mapping[int, int]) -> int:
    """Return how many durations were counted."""
    return sum(bins.values())


def quantile(bins: Mapping[int, int], share: float) -> float | None:
    """Return the duration, ms, that ``share`` (0 to 1) of all do not exceed; None without any."""
    total = count(bins)
    if not total:
        return None
    rank = max(1, math.ceil(share * total))
    seen = 0
    at = 0
    for at in sorted(bins):
        seen += bins[at]
        if seen >= rank:
            break
    return 0.0 if at == 0 else 2 * _FACTOR ** (at - 1) / (_FACTOR + 1)


def flat(bins: Mapping[int, int]) -> list[int]:
    """Return the sketch as numbers to be stored: distance to the bin before and count, in turn."""
    numbers: list[int] = []
    before = 0
    for at in sorted(bins):
        numbers += (at - before, bins[at])
        before = at
    return numbers


def unflat(numbers: Iterable[int]) -> Bins:
    """Read what ``flat`` returned."""
    bins: Bins = {}
    at = 0
    turn = iter(numbers)
    for distance, number in zip(turn, turn, strict=True):
        at += distance
        bins[at] = number
    return bins
