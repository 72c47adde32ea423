"""How long a failed attempt waits before the next one, with BullMQ's formulas.

Pure arithmetic: the dice are an argument.
"""

from __future__ import annotations

from collections.abc import Mapping

from board.engine.types import JsonValue

__all__ = ["BUILT_IN", "MOST_MS", "backoff_delay_ms", "backoff_type"]

BUILT_IN = frozenset({"fixed", "exponential"})

MOST_MS = 10 * 365 * 24 * 3600 * 1000
"""Most a formula may ask for. A delayed job's score is its due time in ms times 4096 and has to stay below 2^53, so no
due time after the year 2039 can be kept exactly; a wait that long is a mistake in the formula, not a wish."""


def backoff_type(backoff: JsonValue) -> str | None:
    """Return the type of a stored backoff option; a bare number is ``fixed``, None when there is no backoff."""
    if isinstance(backoff, Mapping):
        kind = backoff.get("type")
        return kind if isinstance(kind, str) else None
    return "fixed" if _number(backoff) is not None and not isinstance(backoff, bool) else None


def backoff_delay_ms(backoff: JsonValue, attempt: int, roll: float) -> int:
    """Return the delay after a failed attempt, in ms; 0 retries at once.

    Args:
        backoff: the job's option as it is stored: a number, or a mapping with ``type``, ``delay`` and ``jitter``. What
            cannot be read counts as no backoff.
        attempt: number of the attempt that failed, from 1.
        roll: a random number from 0 up to, not including, 1.
    """
    kind = backoff_type(backoff)
    options = backoff if isinstance(backoff, Mapping) else {"delay": backoff}
    delay = _number(options.get("delay")) or 0.0
    jitter = _number(options.get("jitter")) or 0.0
    if kind not in BUILT_IN or delay <= 0:
        return 0
    if kind == "exponential":
        delay = min(2.0 ** min(attempt - 1, 60) * delay, float(MOST_MS))
        delay = float(_round_half_up(delay))
    if jitter > 0:
        jitter = min(jitter, 1.0)
        return min(int(roll * delay * jitter + delay * (1 - jitter)), MOST_MS)
    return min(_round_half_up(delay), MOST_MS)


def _round_half_up(value: float) -> int:
    """Round as JavaScript's Math.round does; Python's ``round`` goes to the even neighbour."""
    return int(value + 0.5)


def _number(value: JsonValue) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < MOST_MS * 2 else float(MOST_MS)
