"""Cron text and intervals in words: ``0 9 * * 1-5`` is "Weekdays at 09:00".

Every pattern that the engine takes gets a sentence. Where a common shape fits, it reads like speech; anything else is
told field by field, so that the words are never less exact than the pattern.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from board.queries.text import display
from board.words import Amount, Count, Sentence, begin, listed, sentence, sentences

__all__ = ["MONTHS", "cron_words", "interval_words"]

ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
MONTHS = (
    sentence("January"),
    sentence("February"),
    sentence("March"),
    sentence("April"),
    sentence("May"),
    sentence("June"),
    sentence("July"),
    sentence("August"),
    sentence("September"),
    sentence("October"),
    sentence("November"),
    sentence("December"),
)
DAYS = (
    sentence("Sunday"),
    sentence("Monday"),
    sentence("Tuesday"),
    sentence("Wednesday"),
    sentence("Thursday"),
    sentence("Friday"),
    sentence("Saturday"),
)
ORDINALS = {
    1: sentence("first"),
    2: sentence("second"),
    3: sentence("third"),
    4: sentence("fourth"),
    5: sentence("fifth"),
}
WORKDAYS = (1, 2, 3, 4, 5)
WEEKEND = (0, 6)
MOST_TIMES = 4
"""Times of day that are listed; more are told by their hours and minutes."""

_STEP = re.compile(r"(\*|\d+(?:-\d+)?)/(\d+)")


@dataclass(frozen=True, slots=True)
class _Field:
    """One field: its text with names as numbers, and the values it stands for where they can be listed."""

    text: str
    low: int
    high: int
    values: tuple[int, ...] | None

    @property
    def is_any(self) -> bool:
        return self.text in ("*", "?") or self.values == tuple(range(self.low, self.high + 1))

    @property
    def step(self) -> tuple[int, int, int] | None:
        """First, last and distance of a pattern like ``a-b/n``; None for other shapes."""
        match = _STEP.fullmatch(self.text)
        if match is None or not self.values or int(match[2]) < 2:
            return None
        return self.values[0], self.values[-1], int(match[2])

    @property
    def run(self) -> tuple[int, int] | None:
        """First and last of three or more values without a gap."""
        values = self.values or ()
        if len(values) < 3 or values[-1] - values[0] != len(values) - 1:
            return None
        return values[0], values[-1]


@dataclass(frozen=True, slots=True)
class _Rhythm:
    """How minutes of an hour are told, or seconds of a minute."""

    every: Sentence
    step: Callable[[int], Sentence]
    step_from: Callable[[int, int], Sentence]
    step_from_on: Callable[[int, int], Sentence]
    run: Callable[[int, int], Sentence]
    at: Callable[[int, object], Sentence]


_MINUTES: Final = _Rhythm(
    sentence("every minute"),
    lambda n: sentences("every %(n)s minute", "every %(n)s minutes", n),
    lambda n, first: sentences(
        "every %(n)s minute from minute %(first)s", "every %(n)s minutes from minute %(first)s", n, first=first
    ),
    lambda n, first: sentences(
        "every %(n)s minute from minute %(first)s on", "every %(n)s minutes from minute %(first)s on", n, first=first
    ),
    lambda first, last: sentence("every minute from %(first)s to %(last)s", first=first, last=last),
    lambda n, at: sentences("at minute %(at)s", "at minutes %(at)s", n, at=at),
)
_SECONDS: Final = _Rhythm(
    sentence("every second"),
    lambda n: sentences("every %(n)s second", "every %(n)s seconds", n),
    lambda n, first: sentences(
        "every %(n)s second from second %(first)s", "every %(n)s seconds from second %(first)s", n, first=first
    ),
    lambda n, first: sentences(
        "every %(n)s second from second %(first)s on", "every %(n)s seconds from second %(first)s on", n, first=first
    ),
    lambda first, last: sentence("every second from %(first)s to %(last)s", first=first, last=last),
    lambda n, at: sentences("at second %(at)s", "at seconds %(at)s", n, at=at),
)

_EVERY: Final[tuple[tuple[int, Callable[[Count], Sentence]], ...]] = (
    (604_800_000, lambda n: sentences("Every week", "Every %(n)s weeks", n, n=n)),
    (86_400_000, lambda n: sentences("Every day", "Every %(n)s days", n, n=n)),
    (3_600_000, lambda n: sentences("Every hour", "Every %(n)s hours", n, n=n)),
    (60_000, lambda n: sentences("Every minute", "Every %(n)s minutes", n, n=n)),
    (1_000, lambda n: sentences("Every second", "Every %(n)s seconds", n, n=n)),
)
"""Units of an interval, the longest first, and how it is told in them."""


def cron_words(pattern: str) -> Sentence:
    """Say when a cron pattern matches; a pattern that cannot be read is quoted."""
    fields = _fields(pattern)
    if fields is None:
        return sentence("By the pattern %(pattern)s", pattern=display(pattern))
    second, minute, hour, day, month, weekday = fields
    when, is_time_of_day = _time(second, minute, hour)
    days = _days(day, month, weekday)
    if days is None:
        return begin(sentence("every day %(time)s", time=when) if is_time_of_day else when)
    if not is_time_of_day:
        return begin(sentence("%(rhythm)s, %(days)s", rhythm=when, days=days))
    if day.is_any and month.is_any and weekday.values:
        if weekday.values == WORKDAYS:
            return sentence("Weekdays %(time)s", time=when)
        if weekday.values == WEEKEND:
            return sentence("Weekends %(time)s", time=when)
        if len(weekday.values) == 1:
            return sentence("Every %(day)s %(time)s", day=DAYS[weekday.values[0]], time=when)
    return begin(sentence("%(days)s %(time)s", days=days, time=when))


def interval_words(every_ms: int) -> Sentence:
    """Say how often a fixed interval runs: ``Every 5 minutes``, ``Every 1.5 s``."""
    for unit, told in _EVERY:
        if every_ms >= unit and every_ms % unit == 0:
            return told(Count(every_ms // unit))
    if every_ms < 1_000:
        return sentence("Every %(n)s ms", n=Count(every_ms))
    return sentence("Every %(n)s s", n=Amount(f"{every_ms / 1000:,.3f}".rstrip("0").rstrip(".")))


def _fields(pattern: str) -> tuple[_Field, ...] | None:
    parts = ALIASES.get(pattern.strip().lower(), pattern).upper().split()
    if len(parts) == 5:
        parts = ["0", *parts]
    if len(parts) != 6:
        return None
    bounds = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
    names: tuple[Sequence[str], ...] = ((), (), (), (), MONTHS, DAYS)
    return tuple(
        _field(text, low, high, known, offset=1 if known is MONTHS else 0)
        for text, (low, high), known in zip(parts, bounds, names, strict=True)
    )


def _field(text: str, low: int, high: int, names: Sequence[str], offset: int) -> _Field:
    for at, name in enumerate(names):
        text = re.sub(rf"\b{name[:3].upper()}\b", str(at + offset), text)
    values: set[int] = set()
    for part in text.split(","):
        found = _values(part, low, high, is_weekday=names is DAYS)
        if found is None:
            return _Field(text, low, high, None)
        values |= set(found)
    return _Field(text, low, high, tuple(sorted(values)) or None)


def _values(part: str, low: int, high: int, *, is_weekday: bool) -> list[int] | None:
    match = re.fullmatch(r"(\*|\?|\d+)(?:-(\d+))?(?:/(\d+))?", part)
    if match is None:
        return None
    top = 7 if is_weekday else high  # Sunday is 0 and 7
    first = low if match[1] in "*?" else int(match[1])
    last = int(match[2]) if match[2] else high if match[1] in "*?" or match[3] else first
    step = int(match[3] or 1)
    if not low <= first <= top or not low <= last <= top or step < 1:
        return None
    # A range may run past the end of its field: FRI-MON.
    line = range(first, last + 1) if first <= last else (*range(first, high + 1), *range(low, last + 1))
    return [value % 7 if is_weekday else value for value in list(line)[::step]]


def _time(second: _Field, minute: _Field, hour: _Field) -> tuple[Sentence, bool]:
    """Return words for the time, and whether they name times of a day rather than a rhythm."""
    if second.values != (0,):
        return _with_seconds(second, minute, hour)
    minutes, hours = minute.values, hour.values
    if minutes is None or hours is None:
        return sentence("at minute %(minutes)s of hour %(hours)s", minutes=minute.text, hours=hour.text), False
    if len(minutes) * len(hours) <= MOST_TIMES:
        times = listed([_clock(one, other) for one in hours for other in minutes])
        return sentence("at %(times)s", times=times), True
    if hour.is_any:
        return _each_hour(minute), False
    if len(minutes) == 1:
        if (step := hour.step) and step[1] + step[2] > 23:
            first = _clock(step[0], minutes[0])
            return sentences(
                "every %(n)s hour from %(first)s", "every %(n)s hours from %(first)s", step[2], first=first
            ), False
        if run := hour.run:
            first, last = _clock(run[0], minutes[0]), _clock(run[1], minutes[0])
            return sentence("every hour from %(first)s to %(last)s", first=first, last=last), False
        return sentence("at minute %(minute)s of the hours %(hours)s", minute=minutes[0], hours=listed(hours)), False
    rhythm = _each_hour(minute)
    if run := hour.run:
        first, last = _clock(run[0], minutes[0]), _clock(run[1], minutes[-1])
        return sentence("%(rhythm)s, from %(first)s to %(last)s", rhythm=rhythm, first=first, last=last), False
    return sentences(
        "%(rhythm)s, in the hour %(hours)s",
        "%(rhythm)s, in the hours %(hours)s",
        len(hours),
        rhythm=rhythm,
        hours=listed([f"{one:02}" for one in hours]),
    ), False


def _with_seconds(second: _Field, minute: _Field, hour: _Field) -> tuple[Sentence, bool]:
    times = [(one, other) for one in hour.values or () for other in minute.values or ()]
    if second.values and len(second.values) == 1 and 0 < len(times) <= MOST_TIMES:
        return sentence("at %(times)s", times=listed([f"{_clock(*one)}:{second.values[0]:02}" for one in times])), True
    rhythm, goes_on = _rhythm(second, _SECONDS)
    if minute.is_any and hour.is_any:
        is_whole = goes_on or second.run is not None
        return rhythm if is_whole else sentence("%(rhythm)s of every minute", rhythm=rhythm), False
    rest, _ = _time(_Field("0", 0, 59, (0,)), minute, hour)
    return sentence("%(rhythm)s, %(rest)s", rhythm=rhythm, rest=rest), False


def _each_hour(minute: _Field) -> Sentence:
    if minute.values == (0,):
        return sentence("every hour")
    rhythm, goes_on = _rhythm(minute, _MINUTES)
    return rhythm if goes_on else sentence("%(rhythm)s of every hour", rhythm=rhythm)


def _rhythm(field: _Field, words: _Rhythm) -> tuple[Sentence, bool]:
    """Return words for minutes of an hour, or seconds of a minute, and whether these go on through all of it."""
    if field.is_any:
        return words.every, True
    if (step := field.step) and 60 % step[2] == 0 and step[1] + step[2] > 59:
        if not step[0]:
            return words.step(step[2]), True
        told = words.step_from if step[0] < step[2] else words.step_from_on
        return told(step[2], step[0]), True
    if run := field.run:
        return words.run(*run), False
    if field.values is None:
        return words.at(1, field.text), False
    return words.at(len(field.values), listed(field.values)), False


def _days(day: _Field, month: _Field, weekday: _Field) -> Sentence | None:
    """Return words for the days; None for every day."""
    date = _date(day, month)
    if date is not None and weekday.is_any:
        return date
    is_named = not month.is_any
    days = None if day.is_any else date or _days_of_month(day, is_named=is_named)
    weekdays = None if weekday.is_any else _weekdays(weekday, is_named=is_named)
    # Cron runs on either when both are told; only then the month needs to be said for both.
    if days and weekdays:
        if weekday.values and len(weekday.values) == 1:
            weekdays = sentence("every %(day)s", day=DAYS[weekday.values[0]])
        days = sentence("%(days)s and %(weekdays)s", days=days, weekdays=weekdays)
    else:
        days = days or weekdays
    if not is_named:
        return days
    if days is None:
        return sentence("every day in %(months)s", months=_months(month))
    return sentence("%(days)s in %(months)s", days=days, months=_months(month))


def _date(day: _Field, month: _Field) -> Sentence | None:
    """Return words for one day of the year; None for any other days."""
    if not (day.values and month.values and len(day.values) == len(month.values) == 1):
        return None
    return sentence("on %(day)s %(month)s", day=day.values[0], month=MONTHS[month.values[0] - 1])


def _days_of_month(day: _Field, *, is_named: bool) -> Sentence:
    """Return words for days of a month, of each one unless it is named besides."""
    if day.text == "L":
        return sentence("on the last day") if is_named else sentence("on the last day of each month")
    if day.values is None:
        days = listed([sentence("last") if part == "L" else part for part in day.text.split(",")])
        return _of_each_month(sentence("on the days %(days)s", days=days), is_named=is_named)
    if (step := day.step) and step[1] + step[2] > 31:
        if step[0] == 1:
            told = sentences("every %(n)s day", "every %(n)s days", step[2])
        else:
            told = sentences(
                "every %(n)s day from the %(first)s",
                "every %(n)s days from the %(first)s",
                step[2],
                first=_ordinal(step[0]),
            )
    elif run := day.run:
        told = sentence("from the %(first)s to the %(last)s", first=_ordinal(run[0]), last=_ordinal(run[1]))
    else:
        told = sentence("on the %(days)s", days=listed([_ordinal(one) for one in day.values]))
    return _of_each_month(told, is_named=is_named)


def _of_each_month(days: Sentence, *, is_named: bool) -> Sentence:
    return days if is_named else sentence("%(days)s of each month", days=days)


def _weekdays(weekday: _Field, *, is_named: bool) -> Sentence:
    values = weekday.values
    if values is None:
        days = listed([_special_day(part, is_named=is_named) for part in weekday.text.split(",")])
        return sentence("on %(days)s", days=days)
    if values == WORKDAYS:
        return sentence("on weekdays")
    if values == WEEKEND:
        return sentence("at weekends")
    ordered = sorted(values, key=lambda one: (one - 1) % 7)  # a week as people read it begins on Monday
    if run := _Field("", 0, 6, tuple((one - 1) % 7 for one in ordered)).run:
        return sentence("from %(first)s to %(last)s", first=DAYS[(run[0] + 1) % 7], last=DAYS[(run[1] + 1) % 7])
    return sentence("on %(days)s", days=listed([DAYS[one] for one in ordered]))


def _special_day(part: str, *, is_named: bool) -> str:
    which: Sentence | None = None
    if match := re.fullmatch(r"L?(\d)L?", part):
        which = sentence("last") if "L" in part else None
        if which is None:
            return DAYS[int(match[1]) % 7]
    elif match := re.fullmatch(r"(\d)#([1-5L])", part):
        which = sentence("last") if match[2] == "L" else ORDINALS[int(match[2])]
    if match is None or which is None:
        return part
    told = sentence("the %(which)s %(day)s", which=which, day=DAYS[int(match[1]) % 7])
    return told if is_named else sentence("%(day)s of the month", day=told)


def _months(month: _Field) -> Sentence:
    if month.values is None:
        return sentence("the months %(months)s", months=month.text)
    if month.values == (1, 4, 7, 10):
        return sentence("the first month of each quarter")
    if run := month.run:
        return sentence("%(first)s to %(last)s", first=MONTHS[run[0] - 1], last=MONTHS[run[1] - 1])
    return listed([MONTHS[one - 1] for one in month.values])


def _ordinal(number: int) -> Sentence:
    if number % 10 == 1 and number != 11:
        return sentence("%(n)sst", n=number)
    if number % 10 == 2 and number != 12:
        return sentence("%(n)snd", n=number)
    if number % 10 == 3 and number != 13:
        return sentence("%(n)srd", n=number)
    return sentence("%(n)sth", n=number)


def _clock(hour: int, minute: int) -> str:
    return f"{hour:02}:{minute:02}"
