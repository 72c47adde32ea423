"""Cron text to moments, the way BullMQ's schedulers read it.

Five fields, or six with seconds first; names, ``L``, ``#`` and aliases such as ``@daily`` as croniter knows them. A
pattern is looked at once when a scheduler is made: a wrong or absurd one is refused at the door, in bounded time.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import croniter
from croniter.croniter import CroniterError

from board.engine.errors import InvalidOptionError, SchedulerError

__all__ = ["check_pattern", "check_zone", "next_run_ms"]

_MAX_PATTERN = 255
"""Longest cron text: the longest sensible one lists all minutes and stays below 200 characters."""

_MAX_YEARS = 8
"""How far ahead a match is looked for: 29 February of a year divisible by 400 needs 8."""


_DICE = re.compile(r"(?:^|[\s,])[rh](?:$|[\s,/(])", re.IGNORECASE)
"""croniter's fields of chance: every worker would draw another moment."""


def check_pattern(pattern: object) -> str:
    """Return a cron pattern that can be parsed.

    Raises:
        InvalidOptionError: what is wrong with it, with an example.
    """
    if not isinstance(pattern, str) or not 0 < len(pattern.strip()) <= _MAX_PATTERN:
        raise InvalidOptionError("pattern", f"a cron pattern is text of at most {_MAX_PATTERN} characters")
    fields = pattern.split()
    if not pattern.startswith("@") and len(fields) not in (5, 6):
        raise InvalidOptionError(
            "pattern",
            f"cron pattern {pattern!r} has {len(fields)} fields; it takes five (minute hour day month weekday) or "
            'six with seconds first, such as "0 9 * * 1"',
        )
    if _DICE.search(pattern):
        raise InvalidOptionError(
            "pattern", f"cron pattern {pattern!r} leaves a field to chance (R or H); a scheduler needs a plain number"
        )
    try:
        croniter(pattern, 0, second_at_beginning=True, max_years_between_matches=_MAX_YEARS)
    except (CroniterError, ValueError, KeyError, AttributeError) as error:
        raise InvalidOptionError("pattern", f"cron pattern {pattern!r} cannot be read: {error}") from error
    return pattern


@lru_cache(maxsize=256)
def check_zone(name: str) -> ZoneInfo:
    """Return the IANA time zone of that name.

    Raises:
        InvalidOptionError: there is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, TypeError) as error:
        raise InvalidOptionError(
            "tz", f"unknown time zone {name!r}; take an IANA name such as Europe/Madrid"
        ) from error


def next_run_ms(pattern: str, after_ms: int, tz: str | None = None) -> int:
    """Return the first moment strictly after ``after_ms`` that matches the pattern in the zone.

    Args:
        pattern: cron text that ``check_pattern`` let through.
        after_ms: ms since the epoch.
        tz: IANA zone; None is the zone of the process.

    Raises:
        SchedulerError: nothing matches within eight years.
    """
    zone = check_zone(tz) if tz else None
    start = datetime.fromtimestamp(after_ms / 1000, UTC)
    local = start.astimezone(zone) if zone else start.astimezone().replace(tzinfo=None)
    try:
        run: datetime = croniter(
            pattern, local, ret_type=datetime, second_at_beginning=True, max_years_between_matches=_MAX_YEARS
        ).get_next()
    except CroniterError as error:
        raise SchedulerError(f"cron pattern {pattern!r} matches no moment within {_MAX_YEARS} years") from error
    return round(run.timestamp() * 1000)
