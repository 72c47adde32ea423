"""What changed around the queues between two looks: limits and workers. Pure, without Redis.

It explains what the charts show. A change is seen when the next look differs, so it is at most ten seconds late; what
changed while nobody looked, as when the recorder moves to another process, is not told.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from board.engine.commands.pages import QueueReading
from board.engine.keys import QueueKeys
from board.history.store import Mark

__all__ = ["Conditions"]

MOST_LEFT = 20
"""Workers of one queue that a mark names."""

LONGEST_NAME = 100

MOST_A_LOOK = 50
"""Marks of one look: where all workers of many queues come or go at once, the first queues tell it."""


class Conditions:
    """The latest look at every queue; of one process."""

    def __init__(self) -> None:
        """Know nothing yet: the first look marks nothing."""
        self._limits: dict[str, tuple[int | None, ...]] = {}
        self._workers: dict[str, int] = {}
        self._names: dict[str, frozenset[str]] = {}

    def look(
        self,
        readings: Iterable[QueueReading],
        workers: Mapping[QueueKeys, int | None],
        names: Mapping[QueueKeys, frozenset[str]] | None,
        now_ms: int,
    ) -> list[Mark]:
        """Take a look, and return what changed since the one before.

        Args:
            readings: of the queues that could be read.
            workers: how many each queue has; None where that cannot be known.
            names: what they are called; None when the connections could not be listed.
            now_ms: the time.
        """
        marks: list[Mark] = []
        limits: dict[str, tuple[int | None, ...]] = {}
        counts: dict[str, int] = {}
        for reading in readings:
            base = reading.queue.base
            limits[base] = (reading.meta.concurrency, reading.meta.limit_max, reading.meta.limit_duration_ms)
            if self._limits.get(base, limits[base]) != limits[base]:
                marks.append(Mark(now_ms, "limits", base, json.dumps(limits[base])))
            count = workers.get(reading.queue)
            if count is None:
                continue
            counts[base] = count
            before = self._workers.get(base, count)
            if count != before:
                kind = "joined" if count > before else "lost"
                marks.append(Mark(now_ms, kind, base, f"{before} → {count}"))
        self._limits, self._workers = limits, counts
        return marks[:MOST_A_LOOK] + self._left(names, now_ms)

    def _left(self, names: Mapping[QueueKeys, frozenset[str]] | None, now_ms: int) -> list[Mark]:
        """Return a mark for each queue that lost workers by name; a name that has come back is no loss."""
        if names is None:
            return []
        before, self._names = self._names, {queue.base: some for queue, some in names.items()}
        gone = {base: some - self._names.get(base, frozenset()) for base, some in before.items()}
        return [
            Mark(now_ms, "left", base, json.dumps([name[:LONGEST_NAME] for name in sorted(some)[:MOST_LEFT]]))
            for base, some in gone.items()
            if some
        ][:MOST_A_LOOK]
