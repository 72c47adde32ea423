"""Numbers and times as elements of a page: what ``templates/macros/values.html`` hands to templates.

A page has hundreds of them, so they are functions and not macros, and times are remembered. A real zero is dim, the
unknown is a dash and never 0. The texts are those of ``board.web.filters``.
"""

from __future__ import annotations

from datetime import tzinfo
from functools import lru_cache
from typing import Final

from markupsafe import Markup

from board.web.filters import ago, clock, count, duration, iso, stamp, zone
from board.words import gettext, spoken

__all__ = ["age", "age_told", "ago_told", "at_clock", "number", "took", "when"]

DASH: Final = Markup('<span class="zero">–</span>')
ZERO: Final = Markup('<span class="zero">0</span>')

MOST_MOMENTS: Final = 2_048
"""Moments remembered, half a megabyte: those of twenty pages of a hundred jobs."""


def number(value: float | None) -> str:
    """Write an exact count."""
    return ZERO if value == 0 else count(value)


def took(ms: float | None) -> str:
    """Write a length of time."""
    return DASH if ms is None else duration(ms)


def when(at_ms: float | None, now_ms: float) -> Markup:
    """Write when, seen from now; hover shows the exact time, the browser keeps it fresh."""
    return ago_told(at_ms, ago(at_ms, now_ms))


def ago_told(at_ms: float | None, words: str) -> Markup:
    """Write when, in words that ``ago`` made."""
    return DASH if at_ms is None else _at(at_ms, zone()) + Markup(" data-ago>%s</time>") % words


def at_clock(at_ms: float | None) -> Markup:
    """Write the time of day."""
    if at_ms is None:
        return DASH
    return _at(at_ms, zone()) + Markup(">%s</time>") % clock(at_ms)


def age(since_ms: float | None, now_ms: float) -> Markup:
    """Write how long since; grows with the page."""
    return DASH if since_ms is None else age_told(since_ms, duration(now_ms - since_ms))


def age_told(since_ms: float | None, words: str) -> Markup:
    """Write how long since, in words that ``duration`` made."""
    if since_ms is None:
        return DASH
    return _since(since_ms, zone(), spoken().code) + Markup(" data-age>%s</time>") % words


@lru_cache(maxsize=MOST_MOMENTS)
def _at(at_ms: float, _zone: tzinfo) -> Markup:
    """Begin an element that tells of a moment, in the zone being written in."""
    return Markup('<time datetime="%s" title="%s"') % (iso(at_ms), stamp(at_ms))


@lru_cache(maxsize=MOST_MOMENTS)
def _since(at_ms: float, _zone: tzinfo, _language: str) -> Markup:
    """Begin the same where it is told how long since, in the language being spoken."""
    words = gettext("since %(since_ms)s", since_ms=stamp(at_ms))
    return Markup('<time datetime="%s" title="%s"') % (iso(at_ms), words)
