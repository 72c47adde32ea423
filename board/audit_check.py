"""Read the whole audit log and say whether it is as it was written."""

from __future__ import annotations

import re
from dataclasses import dataclass

from board.audit import Audit, StoredEntry, fault_of
from board.engine.connection.sync import Connection
from board.engine.errors import StoreError

__all__ = ["Fault", "Report", "check_log", "is_anchor"]

STEP = 1_000
"""Entries of one round trip."""

MOST_FAULTS = 100
"""Faults that are told; a log with more is not mended by reading on."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An entry that is not as it was written: its id in the log, and what is wrong."""

    id: str
    what: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found.

    Attributes:
        entries: how many were read.
        faults: oldest first; empty when all fit.
        first: id of the oldest entry; empty without entries.
        anchor: ``ID:DIGEST`` of the newest, to be kept elsewhere and given to a later check; empty without entries.
    """

    entries: int
    faults: tuple[Fault, ...]
    first: str
    anchor: str


def is_anchor(text: str) -> bool:
    """Whether a text has the form of an anchor."""
    return re.fullmatch(r"[0-9]{1,20}-[0-9]{1,20}:[0-9a-f]{40}", text) is not None


def check_log(connection: Connection, audit: Audit, anchor: str = "") -> Report:
    """Read every entry, oldest first, and check the chain.

    Args:
        connection: to Redis.
        audit: the log.
        anchor: what an earlier check gave. Then the entry it names must still be there and be the same, so that a log
            which was computed anew is found out, too. One that was trimmed away by age proves nothing.

    Raises:
        StoreError: Redis is away.
    """
    faults: list[Fault] = []
    known, _, wanted = anchor.partition(":")
    count, first, begins = 0, "", False
    older: StoredEntry | None = None
    while entries := connection.call(audit.read_on(older.id if older else None, STEP)):
        for stored in entries:
            if what := fault_of(stored, older):
                faults.append(Fault(stored.id, what))
            if stored.id == known:
                if stored.chain != wanted:
                    faults.append(Fault(stored.id, "it is not the one of the anchor: the log was written anew"))
                known = ""
            if not first:
                first, begins = stored.id, stored.before == ""
            older, count = stored, count + 1
        if len(faults) >= MOST_FAULTS:
            break
    if known and (not first or begins or _place(known) >= _place(first)):
        faults.append(Fault(known, "the entry of the anchor is not there any more"))
    newest = older.id if older else "0-0"
    if count and not faults and _place(given := _last_given(connection, audit, newest)) > _place(newest):
        faults.append(Fault(given, "this entry and perhaps others before it were taken out of the end"))
    return Report(count, tuple(faults), first, f"{older.id}:{older.chain}" if older else "")


def _last_given(connection: Connection, audit: Audit, newest: str) -> str:
    """Return the id that was given last; that of the newest entry where Redis does not tell."""
    try:
        return connection.call(audit.last_given())
    except StoreError:
        return newest


def _place(entry_id: str) -> tuple[int, int]:
    moment, _, number = entry_id.partition("-")
    return int(moment), int(number)
