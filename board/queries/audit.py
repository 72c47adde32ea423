"""The pages of the audit log: who did what, newest first, filtered; and one entry whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from board.audit import Audit, Entry, StoredEntry
from board.engine.connection.sync import Connection
from board.engine.errors import InvalidQueueNameError
from board.engine.keys import QueueKeys
from board.errors import BadRequestError
from board.queries.shared import QueueName
from board.sources import Sources

__all__ = [
    "MOST_EXPORTED",
    "PAGE",
    "RESULTS",
    "AuditAsked",
    "AuditEntryPage",
    "AuditPage",
    "AuditRow",
    "entries_of",
    "is_cursor",
    "read_audit",
    "read_entry",
]

PAGE = 50
"""Entries on a page: two screens."""

STEP = 1_000
"""Entries of one round trip where a filter leaves most of them out."""

MOST_STEPS = 10
"""Round trips of one page; the next page goes on from there."""

MOST_EXPORTED = 100_000
"""Entries looked at for one file."""

RESULTS = ("done", "partly", "nothing", "refused", "failed")

MayRead = Callable[[str | None], bool]
"""Whether the person who asks may read entries about the queue of that name, or about none."""


@dataclass(frozen=True, slots=True)
class AuditAsked:
    """What an address asks of the log; empty asks for everything.

    Attributes:
        who: a user name, whole.
        action: a part of the verb.
        queue: a queue's name, whole.
        result: one of ``RESULTS``.
        since: first day or moment, ISO 8601; without a zone UTC.
        until: last day or moment.
        after: cursor of the page before.
    """

    who: str = ""
    action: str = ""
    queue: str = ""
    result: str = ""
    since: str = ""
    until: str = ""
    after: str = ""

    @property
    def filters(self) -> dict[str, str]:
        """What narrows the log, as addresses spell it; only what is set."""
        named = {"who": self.who, "action": self.action, "queue": self.queue, "result": self.result}
        return {name: value for name, value in {**named, "from": self.since, "to": self.until}.items() if value}

    def fits(self, entry: Entry | None) -> bool:
        """Whether an entry is one of those asked for."""
        if entry is None:
            return not (self.who or self.action or self.queue or self.result)
        return (
            (not self.who or entry.who.casefold() == self.who.casefold())
            and self.action.casefold() in entry.action.casefold()
            and (not self.queue or entry.queue == self.queue)
            and (not self.result or entry.result == self.result)
        )


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One entry.

    Attributes:
        id: in the log.
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

    id: str
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
        asked: what was asked for.
        next_after: cursor of the next page; None on the last.
        searched: entries looked at.
    """

    entries: tuple[AuditRow, ...]
    asked: AuditAsked
    next_after: str | None
    searched: int


@dataclass(frozen=True, slots=True)
class AuditEntryPage:
    """The page ``audit/entry.html`` shows: one entry with all that was recorded; ``entry`` is None if unreadable."""

    row: AuditRow
    entry: Entry | None
    chain: str


def is_cursor(text: str) -> bool:
    """Whether ``text`` is the id of an entry, as addresses carry it."""
    return re.fullmatch(r"[0-9]{1,19}-[0-9]{1,19}", text) is not None


def read_audit(
    connection: Connection, audit: Audit, sources: Sources, asked: AuditAsked, may_read: MayRead = lambda _queue: True
) -> AuditPage:
    """Read one page: the entries asked for that may be read, older than the cursor.

    One round trip without filters, and up to ``MOST_STEPS`` where most entries are left out.

    Raises:
        BadRequestError: a day or a moment that is none.
    """
    found: list[StoredEntry] = []
    searched, cursor = 0, asked.after or None
    ended = False
    for step in range(MOST_STEPS):
        read = connection.call(
            audit.read(cursor, PAGE + 1 if step == 0 else STEP, since_ms=_since(asked), until_ms=_until(asked))
        )
        searched += len(read)
        found += [one for one in read if asked.fits(one.entry) and may_read(one.entry.queue if one.entry else None)]
        ended = len(read) < (PAGE + 1 if step == 0 else STEP)
        if read:
            cursor = read[-1].id
        if len(found) > PAGE or ended:
            break
    shown = found[:PAGE]
    following = shown[-1].id if len(found) > PAGE else None if ended else cursor
    return AuditPage(tuple(_row(stored, sources) for stored in shown), asked, following, searched)


def entries_of(connection: Connection, audit: Audit, asked: AuditAsked, may_read: MayRead) -> Iterator[StoredEntry]:
    """Yield every entry asked for, newest first, as far as ``MOST_EXPORTED`` are looked at: for a file."""
    cursor: str | None = None
    since_ms, until_ms = _since(asked), _until(asked)
    for _ in range(MOST_EXPORTED // STEP):
        read = connection.call(audit.read(cursor, STEP, since_ms=since_ms, until_ms=until_ms))
        yield from (one for one in read if asked.fits(one.entry) and may_read(one.entry.queue if one.entry else None))
        if len(read) < STEP:
            return
        cursor = read[-1].id


def read_entry(
    connection: Connection, audit: Audit, sources: Sources, entry_id: str, may_read: MayRead
) -> AuditEntryPage | None:
    """Read one entry in one round trip; None when it is not there, or is about a queue that may not be read about."""
    stored = connection.call(audit.one(entry_id))
    if stored is None or not may_read(stored.entry.queue if stored.entry else None):
        return None
    return AuditEntryPage(_row(stored, sources), stored.entry, stored.chain)


def _since(asked: AuditAsked) -> int | None:
    moment = _moment(asked.since)
    return None if moment is None else int(moment.timestamp() * 1000)


def _until(asked: AuditAsked) -> int | None:
    """Return the last millisecond asked for: a day counts whole."""
    moment = _moment(asked.until)
    if moment is None:
        return None
    whole = timedelta(days=1) if len(asked.until) <= len("2026-01-01") else timedelta(minutes=1)
    return int((moment + whole).timestamp() * 1000) - 1


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or not 1970 <= moment.year <= 9000:
        raise BadRequestError(f"{text[:40]!r} is no day or moment: write 2026-01-31 or 2026-01-31T08:30.")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _row(stored: StoredEntry, sources: Sources) -> AuditRow:
    entry = stored.entry
    if entry is None:
        words = "This entry cannot be read."
        return AuditRow(stored.id, None, "–", "unreadable", stored.id, None, "", (), None, "–", words, "")
    return AuditRow(
        id=stored.id,
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
