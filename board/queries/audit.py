"""The page of the audit log: who did what, newest first."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from board.audit import Audit, Entry, StoredEntry
from board.engine.connection.sync import Connection
from board.engine.errors import InvalidQueueNameError
from board.engine.keys import QueueKeys
from board.queries.shared import QueueName
from board.sources import Sources

__all__ = ["PAGE", "AuditPage", "AuditRow", "is_cursor", "read_audit"]

MOST_STEPS = 20
STEP = 1_000
"""Entries looked at for one page where most are about other queues: 20,000 at most."""

PAGE = 50
"""Entries on a page: two screens."""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One entry.

    Attributes:
        at_ms: when; None in an entry that cannot be read.
        who: user name.
        action: the verb.
        target: what it was done to, where that is no queue.
        queue: the queue; None without one.
        connection: which Redis it is in; empty for the first of the board.
        job_ids: of the jobs asked for, the first 100.
        count: how many jobs were asked for; None for an action on no job.
        result: done, partly, nothing, refused or failed.
        detail: why not, or what else there is to say.
        address: where the request came from.
    """

    at_ms: int | None
    who: str
    action: str
    target: str
    queue: QueueName | None
    connection: str
    job_ids: tuple[str, ...]
    count: int | None
    result: str
    detail: str
    address: str


@dataclass(frozen=True, slots=True)
class AuditPage:
    """The page ``audit/audit.html`` shows.

    Attributes:
        entries: newest first.
        next_after: cursor of the next page; None on the last.
    """

    entries: tuple[AuditRow, ...]
    next_after: str | None


def is_cursor(text: str) -> bool:
    """Whether ``text`` is the id of an entry, as addresses carry it."""
    return re.fullmatch(r"[0-9]{1,20}-[0-9]{1,20}", text) is not None


def read_audit(
    connection: Connection,
    audit: Audit,
    sources: Sources,
    after: str | None,
    may_read: Callable[[str | None], bool] = lambda _queue: True,
) -> AuditPage:
    """Read one page of the log: the entries older than ``after`` about queues that may be read about.

    One round trip, and up to ``MOST_STEPS`` where most entries are about others.
    """
    found: list[StoredEntry] = []
    for _ in range(MOST_STEPS):
        read = connection.call(audit.read(after, STEP if found else PAGE + 1))
        found += [one for one in read if may_read(one.entry.queue if one.entry else None)]
        if len(found) > PAGE or not read:
            break
        after = read[-1].id
    shown = found[:PAGE]
    return AuditPage(
        entries=tuple(_row(stored, sources) for stored in shown),
        next_after=shown[-1].id if len(found) > PAGE else None,
    )


def _row(stored: StoredEntry, sources: Sources) -> AuditRow:
    entry = stored.entry
    if entry is None:
        return AuditRow(None, "–", "unreadable", stored.id, None, "", (), None, "–", "This entry cannot be read.", "")
    return AuditRow(
        at_ms=entry.at_ms,
        who=entry.who,
        action=entry.action,
        target="",
        queue=_queue(entry, sources),
        connection=entry.connection,
        job_ids=entry.ids,
        count=entry.count or None,
        result=entry.result,
        detail=entry.detail,
        address=entry.address,
    )


def _queue(entry: Entry, sources: Sources) -> QueueName | None:
    if not entry.queue:
        return None
    try:
        keys = QueueKeys(entry.prefix, entry.queue)
    except InvalidQueueNameError:
        return None
    return QueueName(prefix=keys.prefix, name=keys.name, slug=sources.slug(keys))
