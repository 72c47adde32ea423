"""Lengths of time within a sentence."""

from __future__ import annotations

from datetime import timedelta

__all__ = ["duration"]


def duration(length_ms: float | timedelta) -> str:
    """Write a duration within a sentence: ``840 ms``, ``5 s``, ``2.5 min``, ``3 h``, ``7 days``."""
    length = length_ms.total_seconds() * 1000 if isinstance(length_ms, timedelta) else abs(length_ms)
    for unit, name, limit in ((1, "ms", 1e3), (1e3, "s", 6e4), (6e4, "min", 3.6e6), (3.6e6, "h", 1.728e8)):
        if length < limit:
            value = length / unit
            return f"{value:.0f} {name}" if value >= 10 or value == int(value) else f"{value:.1f} {name}"
    days = round(length / 8.64e7)
    return f"{days:,} days"
