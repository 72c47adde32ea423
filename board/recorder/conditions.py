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

MOST_A_LOOK = 50
"""Marks of one look: where all workers of many queues come or go at once, the first queues tell it."""


class Conditions:
    """The latest look at every queue; of one process."""

    def __init__(self) -> None:
        """Know nothing yet: the first look marks nothing."""
        self._limits: dict[str, tuple[int | None, ...]] = {}
        self._workers: dict[str, int] = {}

    def look(
        self, readings: Iterable[QueueReading], workers: Mapping[QueueKeys, int | None], now_ms: int
    ) -> list[Mark]:
        """Take a look, and return what changed since the one before."""
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
        return marks[:MOST_A_LOOK]
