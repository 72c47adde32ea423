"""How numbers, sizes and times read on a page.

Dates and times of day are in the zone of the person who asks, set once a request.

Every count, duration and date a person sees goes through one of these filters, so that the same value looks the same
on every page: two significant figures in tables, thousands grouped, `–` for what is unknown and never `0`. Nothing here
reads a clock: an age is told from two times, both given. Texts are plain; escaping is Jinja's business. They are in the
language being spoken; `times.js` words the ages that go on in the browser by the same messages.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime, tzinfo
from functools import cache, lru_cache
from math import floor
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_skeleton
from jinja2 import Environment
from markupsafe import Markup

from board.queries.payload import folded
from board.queries.search import term_text
from board.queries.stack import in_runs
from board.spans import in_unit, measured, percentage, two_figures
from board.words import gettext, ngettext, spoken

__all__ = [
    "ago",
    "axis_time",
    "clock",
    "clock_ms",
    "clock_zone",
    "count",
    "counted_on",
    "duration",
    "duration_long",
    "install",
    "iso",
    "percent",
    "percent_done",
    "size",
    "stamp",
    "time_words",
    "use_zone",
    "zone",
    "zone_name",
]

UNKNOWN: Final = "–"

_ZONE: ContextVar[tzinfo] = ContextVar("zone", default=UTC)

_SECOND: Final = 1_000
_MINUTE: Final = 60 * _SECOND
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR

_AGES: Final = ((_HOUR, "h"), (_MINUTE, "min"), (_SECOND, "s"))

# Beyond the year 9999 `datetime` gives up. Such times come from clients that stored microseconds, or from nonsense.
_LAST_MS: Final = 253_402_300_799_999


def count(number: float | None) -> str:
    """Write a count exactly, grouped by thousands."""
    if number is None:
        return UNKNOWN
    return spoken().number(f"{number:,.0f}" if float(number).is_integer() else f"{number:,}")


def breakable(name: str) -> Markup:
    """Let a name break after the signs that part its words, before it would break within one."""
    return Markup("<wbr>").join(re.split(r"(?<=[._/:-])(?=[^._/:-])", name))


def percent(share: float | None) -> str:
    """Write a share of one hundred, as ``board.spans.percentage`` does."""
    return UNKNOWN if share is None else percentage(share).told()


def percent_done(share: float) -> str:
    """Write how much of something is done, of 1, in whole percent: cut off, so that `100%` is the end."""
    return percentage(floor(round(100 * share, 6))).told()


def size(number: int | None) -> str:
    """Write a number of bytes in binary units, as Redis counts memory."""
    if number is None:
        return UNKNOWN
    if number < 1024:  # a kilobyte
        return ngettext("%(n)s byte", "%(n)s bytes", number)
    value, unit = number / 1024, "KB"
    for larger in ("MB", "GB", "TB"):
        if value < 1000:  # three digits still read at a glance
            break
        value, unit = value / 1024, larger
    return spoken().number(f"{two_figures(value)} {unit}")


def duration(ms: float | None) -> str:
    """Write a duration with two significant figures: `18 ms`, `6.1 s`, `47 s`, `2.1 min`, `3 h`, `41 days`."""
    if ms is None:
        return UNKNOWN
    return _in(*measured(ms))


def duration_long(ms: float | None) -> str:
    """Write a duration in two units, for one object on its own page: `8 min 12 s`."""
    if ms is None:
        return UNKNOWN
    length = abs(ms)
    for unit, name, below, below_name in (
        (_DAY, "days", _HOUR, "h"),
        (_HOUR, "h", _MINUTE, "min"),
        (_MINUTE, "min", _SECOND, "s"),
    ):
        if length >= unit:
            whole, rest = divmod(int(length), unit)
            first = _in(str(whole), name)
            return f"{first} {_in(str(rest // below), below_name)}" if rest >= below else first
    return duration(length)


def ago(at_ms: float | None, now_ms: float) -> str:
    """Say when, seen from now: `22 s ago`, `in 47 min`, `yesterday 14:02`, then the date.

    Ages are rounded down, so that a minute counts only once it has passed.
    """
    if at_ms is None or not 0 <= at_ms <= _LAST_MS:
        return UNKNOWN
    age = int(now_ms - at_ms)
    distance = abs(age)
    if distance < _SECOND:
        return gettext("now")
    if distance < _DAY:
        unit, name = next((unit, name) for unit, name in _AGES if distance >= unit)
        return _ago(distance // unit, name, spoken().code) if age > 0 else _ahead(distance // unit, name, spoken().code)
    moment, today = _moment(at_ms), _moment(now_ms)
    if moment is None:
        return UNKNOWN
    days = (today.date() - moment.date()).days if today else 0
    if days == 1:
        return gettext("yesterday %(clock)s", clock=f"{moment:%H:%M}")
    if days == -1:
        return gettext("tomorrow %(clock)s", clock=f"{moment:%H:%M}")
    return _date(moment, with_year=today is None or today.year != moment.year)


def clock(at_ms: float | None) -> str:
    """Write the time of day, to the second."""
    moment = _moment(at_ms)
    return f"{moment:%H:%M:%S}" if moment else UNKNOWN


def clock_ms(at_ms: float | None) -> str:
    """Write the time of day, to the millisecond."""
    moment = _moment(at_ms)
    return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03}" if moment else UNKNOWN


def clock_zone(at_ms: float | None) -> str:
    """Write the time of day with its zone, to the second."""
    moment = _moment(at_ms)
    return f"{moment:%H:%M:%S %Z}" if moment else UNKNOWN


def stamp(at_ms: float | None) -> str:
    """Write date and time with their zone, to the second: what a person reads when they ask for the exact time."""
    moment = _moment(at_ms)
    return f"{moment:%Y-%m-%d %H:%M:%S %Z}" if moment else UNKNOWN


def iso(at_ms: float | None) -> str:
    """Write ISO 8601 with milliseconds, for `<time datetime>`; empty when unknown."""
    moment = _moment(at_ms, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z" if moment else ""


def error_term(name: str) -> str:
    """Spell the term of a filter that asks for one class of error."""
    return term_text("class", name)


def axis_time(at_ms: int, span_ms: int) -> str:
    """Write a moment on an axis that spans ``span_ms``: the time of day, or the day when it spans several."""
    moment = _moment(at_ms)
    if moment is None:
        return UNKNOWN
    return f"{moment:%H:%M}" if span_ms <= 2 * _DAY else _date(moment, with_year=False)


def time_words() -> str:
    """Return the messages by which ages are told, for the browser, which goes on counting them."""
    language = spoken()
    return "|".join((language.decimal, language.group, *_messages()))


def counted_on() -> re.Pattern[bytes]:
    """Return what finds the ages that the browser counts on by itself, in the language being spoken, in what is sent.

    The attribute before each is found with it: all then begin alike, which makes the search fifty times as fast.
    """
    return _counted_on(spoken().code, _messages())


def install(env: Environment) -> None:
    """Register every filter under its own name."""
    filters: tuple[Callable[..., object], ...] = (
        ago,
        axis_time,
        breakable,
        clock,
        clock_ms,
        clock_zone,
        count,
        duration,
        duration_long,
        error_term,
        folded,
        in_runs,
        iso,
        percent,
        percent_done,
        size,
        stamp,
    )
    env.globals["time_words"] = time_words
    env.globals["zone_name"] = zone_name
    env.filters.update({function.__name__: function for function in filters})


def use_zone(name: str) -> None:
    """Write times in a zone from now on, as far as this request goes; empty for UTC. The zone must exist."""
    _ZONE.set(ZoneInfo(name) if name not in ("", "UTC") else UTC)


def zone() -> tzinfo:
    """Return the zone that times are written in."""
    return _ZONE.get()


def zone_name() -> str:
    """Return the name of the zone that times are written in."""
    return str(_ZONE.get())


def _moment(at_ms: float | None, zone: tzinfo | None = None) -> datetime | None:
    """A time in the zone of the person who asks, or None when it is unknown or beyond what a calendar holds."""
    if at_ms is None or not 0 <= at_ms <= _LAST_MS:
        return None
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone or _ZONE.get())


def _date(moment: datetime, *, with_year: bool) -> str:
    language = spoken().code
    if language == "en":
        return f"{moment.day} {moment:%b %Y}" if with_year else f"{moment.day} {moment:%b}"
    return format_skeleton("yMMMd" if with_year else "MMMd", moment, locale=language)


def _in(number: str, unit: str) -> str:
    """Write a number of a unit of time."""
    return _said_in(number, unit, spoken().code)


# A page has hundreds of ages and durations, and few that differ. A text is a matter of its arguments, the language's
# code being one of them.


@lru_cache(maxsize=1_024)
def _said_in(number: str, unit: str, _language: str) -> str:
    return in_unit(number, unit).told()


@lru_cache(maxsize=512)
def _ago(number: int, unit: str, _language: str) -> str:
    return gettext("%(time)s ago", time=_in(str(number), unit))


@lru_cache(maxsize=512)
def _ahead(number: int, unit: str, _language: str) -> str:
    return gettext("in %(time)s", time=_in(str(number), unit))


def _messages() -> tuple[str, ...]:
    """Return the messages of ages: now, ago, in, then the units. Their placeholders stay."""
    n = "%(n)s"
    ages = (gettext("%(time)s ago", time="%(time)s"), gettext("in %(time)s", time="%(time)s"))
    units = (_in(n, "ms"), _in(n, "s"), _in(n, "min"), _in(n, "h"), _in(n, "days"))
    return (gettext("now"), *ages, *units)


@cache
def _counted_on(_code: str, messages: tuple[str, ...]) -> re.Pattern[bytes]:
    now, ago_, in_, ms, s, minutes, h, _days = (re.escape(message) for message in messages)
    number, time = re.escape("%(n)s"), re.escape("%(time)s")
    length = "(?:" + "|".join(unit.replace(number, r"\d+") for unit in (s, minutes, h)) + ")"
    ages = "|".join((now, ago_.replace(time, length), in_.replace(time, length)))
    short = "|".join(unit.replace(number, r"[\d.,]+") for unit in (ms, s, minutes))
    hours = h.replace(number, r"(?:1?\d|2[0-3])(?:[.,]\d)?")
    found = rf'data-(?:now="\d+"|ago>(?:{ages})(?=</time>)|age>(?:{short}|{hours})(?=</time>))'
    return re.compile(found.encode())
