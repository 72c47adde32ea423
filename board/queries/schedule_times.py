"""The coming moments of a schedule: in its own zone and in UTC, with what a change of the clocks does to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from board.engine.errors import EngineError, InvalidOptionError
from board.engine.schedule import check_zone, next_run_ms
from board.queries.cron_words import MONTHS
from board.spans import duration
from board.words import Sentence, row, sentence

__all__ = ["DAY_MS", "MOST_TICKS", "Moment", "Rule", "clock_warnings", "coming", "told", "zone_of"]

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
LAST_MS = 253_402_300_799_999
"""Beyond the year 9999 no calendar goes."""

MOST_TICKS = 96
"""Runs of a day that are drawn one by one: every quarter of an hour. More are drawn as a band."""

AHEAD_DAYS = 45
"""A change of the clocks is told so long before."""

_DAYS = (
    sentence("Mon"),
    sentence("Tue"),
    sentence("Wed"),
    sentence("Thu"),
    sentence("Fri"),
    sentence("Sat"),
    sentence("Sun"),
)
_MONTHS = (
    sentence("Jan"),
    sentence("Feb"),
    sentence("Mar"),
    sentence("Apr"),
    sentence("May"),
    sentence("Jun"),
    sentence("Jul"),
    sentence("Aug"),
    sentence("Sep"),
    sentence("Oct"),
    sentence("Nov"),
    sentence("Dec"),
)


@dataclass(frozen=True, slots=True)
class Rule:
    """When a scheduler runs, as far as it could be read: a pattern or an interval.

    Attributes:
        pattern: cron text; None for an interval.
        every_ms: interval; None for a pattern.
        tz: zone of the pattern; None is the zone of the worker.
        end_ms: no run after it.
        left: most runs that are still to come; None without limit.
    """

    pattern: str | None = None
    every_ms: int | None = None
    tz: str | None = None
    end_ms: int | None = None
    left: int | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """One run to come: ``local`` in the scheduler's zone with its offset, ``utc`` beside it."""

    at_ms: int
    local: str
    utc: Sentence


def coming(rule: Rule, first_ms: int | None, most: int, until_ms: int = LAST_MS) -> tuple[int, ...]:
    """Return the coming runs, the first of which is known, in ms; none beyond ``until_ms``."""
    if first_ms is None or not 0 <= first_ms <= LAST_MS:
        return ()
    until = min(until_ms, LAST_MS if rule.end_ms is None else rule.end_ms)
    if rule.left is not None:
        most = min(most, rule.left)
    if rule.every_ms is not None:
        step = max(1, rule.every_ms)
        return tuple(at for n in range(most) if (at := first_ms + n * step) <= until)
    found = [first_ms] if first_ms <= until and most > 0 else []
    while found and len(found) < most and rule.pattern is not None:
        after = _following(rule.pattern, found[-1], rule.tz)
        if after is None or after > until:
            break
        found.append(after)
    return tuple(found)


def told(moments: Sequence[int], zone: ZoneInfo | None) -> tuple[Moment, ...]:
    """Write moments for people; without a zone in UTC alone."""
    return tuple(Moment(at, _local(at, zone) if zone else "", _local(at, None)) for at in moments)


def zone_of(name: str | None) -> ZoneInfo | None:
    """Return a zone by its name; None where there is none of that name."""
    try:
        return check_zone(name) if name else None
    except InvalidOptionError:
        return None


def clock_warnings(rule: Rule, now_ms: int) -> tuple[str, ...]:
    """Say what the next change of the clocks does to a pattern, when that is near."""
    zone = zone_of(rule.tz)
    if zone is None or rule.pattern is None or not 0 <= now_ms <= LAST_MS - 2 * AHEAD_DAYS * DAY_MS:
        return ()
    change = _change(zone, now_ms, now_ms + AHEAD_DAYS * DAY_MS)
    if change is None:
        return ()
    before, after = _offset(zone, change - 1), _offset(zone, change)
    jump = (after - before) * 1000
    day = datetime.fromtimestamp(change / 1000, zone)
    date = sentence("%(day)s %(month)s %(year)s", day=f"{day:%d}", month=MONTHS[day.month - 1], year=f"{day:%Y}")
    values = {"zone": rule.tz, "time": duration(jump), "date": date}
    if jump > 0:
        words = sentence("The clocks of %(zone)s go forward by %(time)s on %(date)s.", **values)
    else:
        words = sentence("The clocks of %(zone)s go back by %(time)s on %(date)s.", **values)
    # What matters happens in the hour that is left out, or told twice, and just after it.
    first = _following(rule.pattern, change - abs(jump) - 1, rule.tz)
    near = coming(Rule(pattern=rule.pattern, tz=rule.tz), first, 6, change + abs(jump))
    if not near:
        return (words,)
    runs = row([_local(at, zone) for at in near])
    if jump > 0:
        return (
            sentence(
                "%(told)s Runs around it, where local times of that hour do not exist: %(runs)s.", told=words, runs=runs
            ),
        )
    return (
        sentence(
            "%(told)s Runs around it, where local times of that hour come twice: %(runs)s.", told=words, runs=runs
        ),
    )


@lru_cache(maxsize=16_384)
def _following(pattern: str, after_ms: int, tz: str | None) -> int | None:
    """Return the next moment; the same few patterns are asked by every refresh."""
    try:
        return next_run_ms(pattern, after_ms, tz)
    except (EngineError, ValueError, OverflowError, ArithmeticError):
        return None


def _local(at_ms: int, zone: ZoneInfo | None) -> Sentence:
    moment = datetime.fromtimestamp(at_ms / 1000, zone or UTC)
    return sentence(
        "%(weekday)s %(day)s %(month)s %(year)s %(time)s",
        weekday=_DAYS[moment.weekday()],
        day=f"{moment:%d}",
        month=_MONTHS[moment.month - 1],
        year=f"{moment:%Y}",
        time=f"{moment:%H:%M:%S %Z}" if zone else f"{moment:%H:%M:%S}",
    )


def _offset(zone: ZoneInfo, at_ms: int) -> int:
    offset = datetime.fromtimestamp(at_ms / 1000, zone).utcoffset()
    return round(offset.total_seconds()) if offset else 0


@lru_cache(maxsize=512)
def _change_of_day(name: str, day: int, until_day: int) -> int | None:
    zone = ZoneInfo(name)
    for at in range(day, until_day):
        low, high = at * DAY_MS, (at + 1) * DAY_MS
        if _offset(zone, low) == _offset(zone, high):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _offset(zone, middle) == _offset(zone, low) else (low, middle)
        return high
    return None


def _change(zone: ZoneInfo, from_ms: int, until_ms: int) -> int | None:
    """Return when the offset of a zone changes next, found by days and then by halving."""
    found = _change_of_day(zone.key, from_ms // DAY_MS, until_ms // DAY_MS)
    return found if found is not None and found >= from_ms else None
