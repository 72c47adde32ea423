"""One answer for many who ask the same at the same time.

Ten people who watch one page ask Redis once: the first reads, the others wait for it, and for a moment afterwards its
answer is theirs too. An action of one of them drops what was read before it. What may be shared is the caller's
decision, made by the key: everything the answer depends on, what the person may see included, must be in it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

__all__ = ["ScopedSharing", "Shared", "Sharing"]

T = TypeVar("T")
D = TypeVar("D")


@dataclass(slots=True, eq=False)
class Shared(Generic[T]):
    """An answer and what was made of it.

    Attributes:
        value: the answer.
        made: what was written from it, by keys of its own; gone when the answer is.
        derived: what ``derive`` made of it.
    """

    value: T
    made: dict[Hashable, Any] = field(default_factory=dict)
    derived: dict[Hashable, Any] = field(default_factory=dict)

    def derive(self, key: Hashable, make: Callable[[], D], most: int) -> D:
        """Return what was made of the answer before under ``key``, else make it; ``most`` are kept."""
        found: D | None = self.derived.get(key)
        if found is None:
            found = make()
            if len(self.derived) < most:
                self.derived[key] = found
        return found


@dataclass(slots=True, eq=False)
class _Flight:
    """A read, under way or done."""

    begun_at: float
    done: threading.Event = field(default_factory=threading.Event)
    answer: Shared[Any] | None = None
    error: BaseException | None = None


class Sharing:
    """Shares answers for a moment. Safe to use from many threads."""

    def __init__(self, seconds: float, most: int = 16, timer: Callable[[], float] = time.monotonic) -> None:
        """Keep ``most`` answers, each no longer than ``seconds`` after its read began."""
        self._seconds = seconds
        self._most = most
        self._timer = timer
        self._lock = threading.Lock()
        self._flights: dict[Hashable, _Flight] = {}

    def get(
        self, key: Hashable, read: Callable[[], T], *, fresh: bool = False, within: float | None = None
    ) -> Shared[T]:
        """Return the answer to ``key``: one that is under way or young, else a new one.

        Args:
            key: everything that the answer depends on.
            read: asks.
            fresh: ask in any case. Others who come meanwhile share the new answer.
            within: seconds after its read began in which an answer is young; None, and at most, as long as it is kept.

        Raises:
            BaseException: whatever ``read`` raised, in everybody who waited for it; the next one asks again.
        """
        with self._lock:
            now = self._timer()
            flight = None if fresh else self._flights.get(key)
            seconds = self._seconds if within is None else min(self._seconds, within)
            is_mine = flight is None or (flight.done.is_set() and now - flight.begun_at >= seconds)
            if flight is None or is_mine:
                flight = self._flights[key] = _Flight(now)
                self._tidy(now)
        if is_mine:
            self._fly(key, flight, read)
        flight.done.wait()
        if flight.error is not None:
            raise flight.error
        if flight.answer is None:  # a flight that is done has one or the other
            raise RuntimeError("a read ended without an answer")
        return flight.answer

    def forget(self) -> None:
        """Share no answer any more whose read has begun: something was changed. Who waits for one still gets it."""
        with self._lock:
            self._flights.clear()

    def _fly(self, key: Hashable, flight: _Flight, read: Callable[[], Any]) -> None:
        try:
            flight.answer = Shared(read())
        except BaseException as error:  # noqa: BLE001 - told to everybody who waits, this thread included
            flight.error = error
            with self._lock:
                if self._flights.get(key) is flight:
                    del self._flights[key]
        finally:
            flight.done.set()

    def _tidy(self, now: float) -> None:
        """Forget what is old, and the oldest of too many."""
        for key, flight in list(self._flights.items()):
            if flight.done.is_set() and now - flight.begun_at >= self._seconds:
                del self._flights[key]
        while len(self._flights) > self._most:
            del self._flights[next(iter(self._flights))]


class ScopedSharing(Sharing):
    """Shares answers only among those who may see the same: the scope is part of every key, whoever asks."""

    def __init__(self, whole: Sharing, scope: Hashable) -> None:
        """Share through ``whole``, within ``scope``."""
        self._whole = whole
        self._scope = scope

    def get(
        self, key: Hashable, read: Callable[[], T], *, fresh: bool = False, within: float | None = None
    ) -> Shared[T]:
        """Return the answer to ``key`` as ``Sharing.get`` does, never one that was read for another scope."""
        return self._whole.get((self._scope, key), read, fresh=fresh, within=within)

    def forget(self) -> None:
        """Forget the answers of every scope."""
        self._whole.forget()
