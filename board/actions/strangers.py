"""What people tried who are not known, or whose browser another site used: recorded, but only so often.

Anybody can fail to sign in. If each attempt were an entry, strangers could push the entries out that matter, so a board
records a number of them each hour; all of them go to the process log.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, replace
from typing import Any

from board.actions.perform import Desk, record
from board.audit import Entry
from board.engine.calls import Batch, Call
from board.engine.errors import StoreError
from board.namespace import Namespace

__all__ = ["MOST_AN_HOUR", "Strangers"]

logger = logging.getLogger(__name__)

MOST_AN_HOUR = 500
"""Attempts recorded within an hour: of the default length of the log, strangers fill an eighth in a day."""

HOUR_MS = 3_600_000


class Strangers:
    """Records attempts of strangers."""

    def __init__(self, desk: Desk, namespace: Namespace) -> None:
        """Record at ``desk``; the count of the hour lies below ``namespace``, for all processes of a board."""
        self._desk = desk
        self._key = namespace.failures("recorded", "hour")

    def record(self, entry: Entry) -> None:
        """Record an attempt, unless too many were recorded within the hour. Never fails."""
        logger.warning("attempt refused", extra={"entry": asdict(entry)})
        count = self._count()
        if count < MOST_AN_HOUR:
            record(self._desk, entry)
        elif count == MOST_AN_HOUR:
            record(self._desk, replace(entry, detail=f"{entry.detail} More of these within the hour are not recorded."))

    def _count(self) -> int:
        calls: list[Call[Any]] = [Call(("INCR", self._key), int), Call(("PTTL", self._key), int, writes=False)]
        try:
            connection = self._desk.audit_connection or self._desk.connection
            count, left_ms = connection.batch(Batch.of(calls))
            if left_ms < 0:
                connection.call(Call(("PEXPIRE", self._key, HOUR_MS), int))
        except StoreError:
            return MOST_AN_HOUR + 1
        return int(count)
