"""Slow guessing down: failed sign-ins are counted in Redis, for each account from each address, and for each address.

Every attempt is counted *before* its password is checked, so a burst of parallel guesses gets no more than the limit.
The account alone has a wider limit, or anybody could lock an administrator out from afar. Counters expire by
themselves and carry hashed names; when Redis cannot write them, the process counts for itself.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from board.engine.calls import Batch, Call
from board.engine.connection.sync import Connection
from board.engine.errors import OutOfMemoryError, PermissionDeniedError, ReadOnlyError
from board.namespace import Namespace

__all__ = ["LIMITS", "WINDOW_MS", "Throttle"]

WINDOW_MS = 15 * 60_000
LIMITS = {"pair": 5, "address": 30, "account": 100}
"""Attempts in a window: one account from one address, one address, one account from everywhere."""

MOST_REMEMBERED = 10_000
"""Counters a process keeps for itself while Redis cannot; the oldest go first."""


class Throttle:
    """Count attempts and say how long to wait."""

    def __init__(self, connection: Connection, namespace: Namespace, clock: Callable[[], int]) -> None:
        """Count through ``connection``, and by ``clock`` (ms) while Redis takes no writes."""
        self._connection = connection
        self._namespace = namespace
        self._clock = clock
        self._lock = threading.Lock()
        self._own: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def attempt(self, account: str, address: str) -> int:
        """Count one attempt. Return 0 when it may go on, else the milliseconds until the next may."""
        keys = self._keys(account, address)
        calls: list[Call[Any]] = []
        for key in keys.values():
            calls += [Call(("INCR", key), int), Call(("PTTL", key), int, writes=False)]
        try:
            replies = self._connection.batch(Batch.of(calls))
        except (OutOfMemoryError, ReadOnlyError, PermissionDeniedError):
            counted = {kind: self._count_here(key) for kind, key in keys.items()}
        else:
            counted = {kind: (replies[2 * at], replies[2 * at + 1]) for at, kind in enumerate(keys)}
            self._expire([keys[kind] for kind, (_, left_ms) in counted.items() if left_ms < 0])
        waits = [max(left_ms, 1_000) for kind, (count, left_ms) in counted.items() if count > LIMITS[kind]]
        return max(waits, default=0)

    def forgive(self, account: str, address: str) -> None:
        """Take back what an attempt counted: the right password came, and its failures from this address are over."""
        keys = self._keys(account, address)
        pair, shared = keys.pop("pair"), list(keys.values())
        with self._lock:
            self._own.pop(pair, None)
            for key in shared:
                count, until_ms = self._own.get(key, (0, 0))
                if count:
                    self._own[key] = (count - 1, until_ms)
        calls: list[Call[Any]] = [Call(("DEL", pair), int)]
        for key in shared:
            calls += [Call(("DECR", key), int), Call(("PTTL", key), int, writes=False)]
        try:
            replies = self._connection.batch(Batch.of(calls))
            self._expire([key for at, key in enumerate(shared) if replies[2 * at + 2] < 0])
        except (OutOfMemoryError, ReadOnlyError, PermissionDeniedError):
            return

    def _keys(self, account: str, address: str) -> dict[str, str]:
        return {
            "pair": self._namespace.failures("pair", f"{address}\n{account}"),
            "address": self._namespace.failures("address", address),
            "account": self._namespace.failures("account", account),
        }

    def _expire(self, keys: list[str]) -> None:
        """Start the window of counters that have none: new ones, and any whose process died in between."""
        if keys:
            self._connection.batch(Batch.of(Call(("PEXPIRE", key, WINDOW_MS), int) for key in keys))

    def _count_here(self, key: str) -> tuple[int, int]:
        now_ms = self._clock()
        with self._lock:
            count, until_ms = self._own.pop(key, (0, 0))
            if until_ms <= now_ms:
                count, until_ms = 0, now_ms + WINDOW_MS
            self._own[key] = (count + 1, until_ms)
            while len(self._own) > MOST_REMEMBERED:
                self._own.popitem(last=False)
        return count + 1, until_ms - now_ms
