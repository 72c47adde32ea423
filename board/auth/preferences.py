"""What each person set for themselves, kept in Redis so that it is the same in every browser.

Everything is a field of one hash a person, so two tabs that change different things do not undo each other. What does
not read as it should (a hash changed by hand, a field of another release) counts as not set.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from board.engine.calls import Batch, Call
from board.engine.types import JobState
from board.errors import BadRequestError
from board.namespace import Namespace
from board.words import sentence

__all__ = [
    "DENSITIES",
    "MOST_FILTERS",
    "MOST_PINS",
    "REFRESHES",
    "THEMES",
    "UNSET",
    "PreferenceStore",
    "Preferences",
    "SavedFilter",
    "checked",
    "filter_named",
    "zones",
]

THEMES: Final = ("auto", "light", "dark")
DENSITIES: Final = ("comfortable", "compact")
REFRESHES: Final = (0, 2, 5, 10, 30, 60)
"""Seconds between two refreshes of a page; 0 for what the board is set to."""

MOST_PINS = 20
"""Queues that a person may pin: as many as a sidebar shows without scrolling."""

MOST_FILTERS = 50
"""Filters that a person may save, and that all may share."""

LONGEST_NAME = 60
LONGEST_FILTER = 400

_PIN, _FILTER = "pin:", "filter:"
_STATES: Final = (*(state.value for state in JobState if state is not JobState.UNKNOWN), "paused")


@dataclass(frozen=True, slots=True)
class SavedFilter:
    """A filter with a name.

    Attributes:
        name: as typed.
        queue: slug.
        state: of the jobs.
        q: the filter.
        by: who shared it; empty for one's own.
    """

    name: str
    queue: str
    state: str
    q: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a person set.

    Attributes:
        theme: one of ``THEMES``; empty where they never chose one.
        density: one of ``DENSITIES``.
        zone: time zone that times are shown in.
        refresh: one of ``REFRESHES``.
        single_keys: whether single keys do something.
        pins: slugs of queues, in the order they were pinned; some may be gone, or hidden from this person by now.
        filters: their own, then those that others share, by name.
    """

    theme: str = ""
    density: str = "comfortable"
    zone: str = "UTC"
    refresh: int = 0
    single_keys: bool = True
    pins: tuple[str, ...] = ()
    filters: tuple[SavedFilter, ...] = ()


UNSET: Final = Preferences()


@lru_cache(maxsize=1)
def zones() -> tuple[str, ...]:
    """Return the time zones there are to choose from."""
    return tuple(sorted(name for name in available_timezones() if "/" in name or name == "UTC"))


def checked(form: Mapping[str, str]) -> dict[str, str]:
    """Return the fields to store for a form of settings.

    Raises:
        BadRequestError: a choice that is not offered.
    """
    theme, density, zone = form.get("theme", "auto"), form.get("density", "comfortable"), form.get("zone", "").strip()
    refresh = form.get("refresh", "0")
    problems = []
    if theme not in THEMES:
        problems.append(sentence("There is no theme %(name)s.", name=repr(theme[:40])))
    if density not in DENSITIES:
        problems.append(sentence("There is no density %(name)s.", name=repr(density[:40])))
    if zone and not _is_zone(zone):
        problems.append(
            sentence("There is no time zone %(name)s. Zones are named as in Europe/Madrid.", name=repr(zone[:40]))
        )
    if refresh not in map(str, REFRESHES):
        problems.append(sentence("A page cannot refresh every %(given)s seconds.", given=repr(refresh[:40])))
    if problems:
        raise BadRequestError(*problems)
    keys = "1" if form.get("keys", "") == "1" else "0"
    return {"theme": theme, "density": density, "zone": zone or "UTC", "refresh": refresh, "keys": keys}


class PreferenceStore:
    """Describes reading and writing what people set."""

    def __init__(self, namespace: Namespace) -> None:
        """Keep it under the board's own prefix."""
        self._namespace = namespace

    def read(self, name: str) -> tuple[Call[dict[str, str]], Call[dict[str, str]]]:
        """Describe reading what a person set and what all share; ``preferences`` puts the replies together."""
        return (
            Call(("HGETALL", self._namespace.preferences(name)), _pairs, writes=False),
            Call(("HGETALL", self._namespace.shared_filters), _pairs, writes=False),
        )

    def save(self, name: str, fields: Mapping[str, str]) -> Call[int]:
        """Describe setting some fields."""
        return Call(
            ("HSET", self._namespace.preferences(name), *(part for pair in fields.items() for part in pair)), int
        )

    def pin(self, name: str, slug: str, now_ms: int) -> Call[int]:
        """Describe pinning a queue."""
        return self.save(name, {f"{_PIN}{slug}": str(now_ms)})

    def unpin(self, name: str, *slugs: str) -> Call[int]:
        """Describe taking pins away."""
        return Call(("HDEL", self._namespace.preferences(name), *(f"{_PIN}{slug}" for slug in slugs)), int)

    def save_filter(self, name: str, saved: SavedFilter) -> Call[int]:
        """Describe saving a filter: for all when it says by whom it is shared, else for this person."""
        text = json.dumps([saved.queue, saved.state, saved.q, saved.by], ensure_ascii=False)
        if saved.by:
            return Call(("HSET", self._namespace.shared_filters, saved.name, text), int)
        return self.save(name, {f"{_FILTER}{saved.name}": text})

    def forget_filter(self, name: str, saved: SavedFilter) -> Call[int]:
        """Describe taking a filter away."""
        if saved.by:
            return Call(("HDEL", self._namespace.shared_filters, saved.name), int)
        return Call(("HDEL", self._namespace.preferences(name), f"{_FILTER}{saved.name}"), int)

    def forget(self, name: str) -> Call[int]:
        """Describe removing all that a person set, once they are gone; what they shared stays."""
        return Call(("DEL", self._namespace.preferences(name)), int)

    def batch(self, name: str) -> Batch[Any]:
        """Describe the reading as one round trip."""
        return Batch.of(self.read(name))

    @staticmethod
    def preferences(own: Mapping[str, str], shared: Mapping[str, str]) -> Preferences:
        """Put together what ``read`` found."""
        pins = sorted(
            (int(at), field.removeprefix(_PIN))
            for field, at in own.items()
            if field.startswith(_PIN) and at.isdecimal()
        )
        mine = {field.removeprefix(_FILTER): text for field, text in own.items() if field.startswith(_FILTER)}
        theme, density, zone = own.get("theme", ""), own.get("density", ""), own.get("zone", "")
        refresh = own.get("refresh", "0")
        return Preferences(
            theme=theme if theme in THEMES else "",
            density=density if density in DENSITIES else "comfortable",
            zone=zone if zone and _is_zone(zone) else "UTC",
            refresh=int(refresh) if refresh in map(str, REFRESHES) else 0,
            single_keys=own.get("keys", "1") != "0",
            pins=tuple(slug for _, slug in pins),
            filters=(*_filters(mine), *_filters(shared)),
        )


def filter_named(name: str, queue: str, state: str, q: str, by: str = "") -> SavedFilter:
    """Return a filter to be saved.

    Raises:
        BadRequestError: without a name or a filter, or too long.
    """
    clean = " ".join(name.split())
    if not 0 < len(clean) <= LONGEST_NAME or not clean.isprintable():
        raise BadRequestError(sentence("A filter has a name of 1 to %(most)s characters.", most=LONGEST_NAME))
    if state not in _STATES:
        raise BadRequestError(sentence("There is no state %(state)s.", state=repr(state[:40])))
    if not 0 < len(q.strip()) <= LONGEST_FILTER:
        raise BadRequestError(sentence("A filter has 1 to %(most)s characters.", most=LONGEST_FILTER))
    return SavedFilter(clean, queue, state, q.strip(), by)


def _filters(stored: Mapping[str, str]) -> list[SavedFilter]:
    found = []
    for name, text in sorted(stored.items())[:MOST_FILTERS]:
        try:
            queue, state, q, by = map(str, json.loads(text))
        except (ValueError, TypeError):
            continue
        if state in _STATES:
            found.append(SavedFilter(name, queue, state, q, by))
    return found


@lru_cache(maxsize=1_000)
def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return name in zones()


def _pairs(reply: Any) -> dict[str, str]:
    pairs = reply.items() if isinstance(reply, dict) else zip(reply[::2], reply[1::2], strict=True)
    return {_text(name): _text(value) for name, value in pairs}


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
