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
from board.words import Count, Sentence, sentence, sentences

__all__ = ["cron_words", "interval_words"]

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
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
ORDINALS = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth"}
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


_EVERY: Final[tuple[tuple[int, Callable[[Count], Sentence]], ...]] = (
    (604_800_000, lambda n: sentences("Every week", "Every %(n)s weeks", n, n=n)),
    (86_400_000, lambda n: sentences("Every day", "Every %(n)s days", n, n=n)),
    (3_600_000, lambda n: sentences("Every hour", "Every %(n)s hours", n, n=n)),
    (60_000, lambda n: sentences("Every minute", "Every %(n)s minutes", n, n=n)),
    (1_000, lambda n: sentences("Every second", "Every %(n)s seconds", n, n=n)),
)
"""Units of an interval, the longest first, and how it is told in them."""


def cron_words(pattern: str) -> str:
    """Say when a cron pattern matches; a pattern that cannot be read is quoted."""
    fields = _fields(pattern)
    if fields is None:
        return sentence("By the pattern %(pattern)s", pattern=display(pattern))
    second, minute, hour, day, month, weekday = fields
    when, is_time_of_day = _time(second, minute, hour)
    days = _days(day, month, weekday)
    if days == "":
        return _capital(f"every day {when}" if is_time_of_day else when)
    if not is_time_of_day:
        return _capital(f"{when}, {days}")
    plain = {"on weekdays": "weekdays", "at weekends": "weekends"}.get(days)
    if plain is None and days.startswith("on ") and days[3:] in DAYS:
        plain = f"every {days[3:]}"
    return _capital(f"{plain or days} {when}")


def interval_words(every_ms: int) -> str:
    """Say how often a fixed interval runs: ``Every 5 minutes``, ``Every 1.5 s``."""
    for unit, told in _EVERY:
        if every_ms >= unit and every_ms % unit == 0:
            return told(Count(every_ms // unit))
    if every_ms < 1_000:
        return sentence("Every %(n)s ms", n=Count(every_ms))
    return sentence("Every %(n)s s", n=f"{every_ms / 1000:,.3f}".rstrip("0").rstrip("."))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


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


def _time(second: _Field, minute: _Field, hour: _Field) -> tuple[str, bool]:
    """Return words for the time, and whether they name times of a day rather than a rhythm."""
    if second.values != (0,):
        return _with_seconds(second, minute, hour)
    minutes, hours = minute.values, hour.values
    if minutes is None or hours is None:
        return f"at minute {minute.text} of hour {hour.text}", False
    if len(minutes) * len(hours) <= MOST_TIMES:
        return "at " + _list([_clock(one, other) for one in hours for other in minutes]), True
    if hour.is_any:
        return _each_hour(minute), False
    if len(minutes) == 1:
        if (step := hour.step) and step[1] + step[2] > 23:
            return f"every {step[2]} hours from {_clock(step[0], minutes[0])}", False
        if run := hour.run:
            return f"every hour from {_clock(run[0], minutes[0])} to {_clock(run[1], minutes[0])}", False
        return f"at minute {minutes[0]} of the hours {_list(hours)}", False
    if run := hour.run:
        return f"{_each_hour(minute)}, from {_clock(run[0], minutes[0])} to {_clock(run[1], minutes[-1])}", False
    return f"{_each_hour(minute)}, in the {_hours(hours)}", False


def _hours(hours: Sequence[int]) -> str:
    noun = "hour" if len(hours) == 1 else "hours"
    return f"{noun} {_list([f'{one:02}' for one in hours])}"


def _with_seconds(second: _Field, minute: _Field, hour: _Field) -> tuple[str, bool]:
    times = [(one, other) for one in hour.values or () for other in minute.values or ()]
    if second.values and len(second.values) == 1 and 0 < len(times) <= MOST_TIMES:
        return "at " + _list([f"{_clock(*one)}:{second.values[0]:02}" for one in times]), True
    words = _rhythm(second, "second")
    if minute.is_any and hour.is_any:
        return words if "every" in words and " at " not in words else f"{words} of every minute", False
    rest, _ = _time(_Field("0", 0, 59, (0,)), minute, hour)
    return f"{words}, {rest}", False


def _each_hour(minute: _Field) -> str:
    if minute.values == (0,):
        return "every hour"
    words = _rhythm(minute, "minute")
    return words if words.startswith("every") and " to " not in words else f"{words} of every hour"


def _rhythm(field: _Field, noun: str) -> str:
    """Words for minutes of an hour, or seconds of a minute."""
    if field.is_any:
        return f"every {noun}"
    if (step := field.step) and 60 % step[2] == 0 and step[1] + step[2] > 59:
        first = step[0] % step[2]
        start = f" from {noun} {step[0]}" if step[0] else ""
        return f"every {step[2]} {noun}s{start}" if step[0] == first else f"every {step[2]} {noun}s{start} on"
    if run := field.run:
        return f"every {noun} from {run[0]} to {run[1]}"
    if field.values is None:
        return f"at {noun} {field.text}"
    return f"at {noun}{'s' if len(field.values) > 1 else ''} {_list(field.values)}"


def _days(day: _Field, month: _Field, weekday: _Field) -> str:
    """Words for the days; empty for every day."""
    parts = []
    if not day.is_any:
        parts.append(_days_of_month(day, month))
    if not weekday.is_any:
        parts.append(_weekdays(weekday))
    # Cron runs on either when both are told; only then the month needs to be said for both.
    words = " and ".join(parts) if len(parts) < 2 else f"{parts[0]} and {_also(parts[1])}"
    if not month.is_any and (day.is_any or not weekday.is_any or "month" in words):
        words = words.replace(" of each month", "").replace(" of the month", "")
        words = f"{words or 'every day'} in {_months(month)}"
    return words


def _also(weekdays: str) -> str:
    return f"every {weekdays[3:]}" if weekdays[3:] in DAYS else weekdays


def _days_of_month(day: _Field, month: _Field) -> str:
    if day.text == "L":
        return "on the last day of each month"
    if day.values is None:
        return f"on the days {day.text.replace('L', 'last')} of each month"
    if month.values and len(month.values) == 1 and len(day.values) == 1:
        return f"on {day.values[0]} {MONTHS[month.values[0] - 1]}"
    if (step := day.step) and step[1] + step[2] > 31:
        start = f" from the {_ordinal(step[0])}" if step[0] != 1 else ""
        return f"every {step[2]} days{start} of each month"
    if run := day.run:
        return f"from the {_ordinal(run[0])} to the {_ordinal(run[1])} of each month"
    return f"on the {_list([_ordinal(one) for one in day.values])} of each month"


def _weekdays(weekday: _Field) -> str:
    values = weekday.values
    if values is None:
        return "on " + _list([_special_day(part) for part in weekday.text.split(",")])
    if values == (1, 2, 3, 4, 5):
        return "on weekdays"
    if values == (0, 6):
        return "at weekends"
    if len(values) == 1:
        return f"on {DAYS[values[0]]}"
    ordered = sorted(values, key=lambda one: (one - 1) % 7)  # a week as people read it begins on Monday
    if run := _Field("", 0, 6, tuple((one - 1) % 7 for one in ordered)).run:
        return f"from {DAYS[(run[0] + 1) % 7]} to {DAYS[(run[1] + 1) % 7]}"
    return "on " + _list([DAYS[one] for one in ordered])


def _special_day(part: str) -> str:
    if match := re.fullmatch(r"L?(\d)L?", part):
        name = DAYS[int(match[1]) % 7]
        return f"the last {name} of the month" if "L" in part else name
    if match := re.fullmatch(r"(\d)#([1-5L])", part):
        name = DAYS[int(match[1]) % 7]
        which = "last" if match[2] == "L" else ORDINALS[int(match[2])]
        return f"the {which} {name} of the month"
    return part


def _months(month: _Field) -> str:
    if month.values is None:
        return f"the months {month.text}"
    if month.values == (1, 4, 7, 10):
        return "the first month of each quarter"
    if run := month.run:
        return f"{MONTHS[run[0] - 1]} to {MONTHS[run[1] - 1]}"
    return _list([MONTHS[one - 1] for one in month.values])


def _ordinal(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _clock(hour: int, minute: int) -> str:
    return f"{hour:02}:{minute:02}"


def _list(items: Sequence[object]) -> str:
    words = [str(item) for item in items]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
