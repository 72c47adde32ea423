"""The record of who did what: every action, and every attempt that was refused.

Entries go to a stream in Redis, newest at the end, trimmed to a length and otherwise only ever added to. Each carries
the digest of its text and of the digest before, computed where it is added, so an entry that was altered or taken out
by hand is found by ``verify``. The chain speaks against mistakes and casual tampering; somebody who may write every key
of this Redis could compute it anew.

An action is recorded right after it was done, with what it really did. Should the process die between the two, or
Redis refuse the entry, the action has happened and the log has a gap: the person is told, and the process log keeps
the entry (``board.actions``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from board.engine.calls import Call
from board.namespace import Namespace
from board.redaction import redact_text
from board.scripts import load

__all__ = ["MOST_IDS", "Audit", "Entry", "StoredEntry", "digest", "fault_of", "verify"]

MOST_IDS = 100
"""Job ids an entry keeps; as many as one action may name."""

SPOKEN = frozenset({"detail", "reason", "before", "after"})
"""Fields that hold sentences, in which a secret may stand: hidden before the entry is stored."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing somebody did or tried.

    Attributes:
        at_ms: when it was done.
        who: user name.
        role: the user's role at that time.
        address: where the request came from.
        action: the verb: "retry", "remove", "pause", "sign-in"…
        result: "done", "partly", "nothing" (the world had changed), "refused" (not allowed) or "failed".
        prefix: key prefix of the queue acted on; empty without a queue.
        queue: its name.
        ids: job ids asked for, the first 100.
        count: how many were asked for.
        done: how many were really done.
        detail: why not, or what else there is to say.
        reason: why, in the words of the person, where they gave any.
        before: what there was, in words or values.
        after: what there is now.
        duration_ms: how long it took.
        request_id: the id that error pages and the process log show.
        connection: which Redis the queue is in; empty for the first of the board.
    """

    at_ms: int
    who: str
    role: str
    address: str
    action: str
    result: str
    prefix: str = ""
    queue: str = ""
    ids: tuple[str, ...] = ()
    count: int = 0
    done: int = 0
    detail: str = ""
    reason: str = ""
    before: str = ""
    after: str = ""
    duration_ms: int = 0
    request_id: str = ""
    connection: str = ""


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry as it was read.

    Attributes:
        id: id in the stream; what ``read`` continues after.
        entry: what was recorded; None when the text cannot be read.
        text: the text as it is stored.
        chain: its digest together with the one before.
        before: the one before; None in entries of a board that did not store it.
    """

    id: str
    entry: Entry | None
    text: str
    chain: str
    before: str | None = None


class Audit:
    """Describe writing to and reading from the log; the caller sends the calls."""

    def __init__(self, namespace: Namespace, longest: int) -> None:
        """Keep about ``longest`` entries."""
        self._key = namespace.audit
        self._paused_by = namespace.paused_by
        self._longest = longest

    def note_pause(self, base: str, who: str) -> Call[int]:
        """Describe keeping who paused a queue, so that the overview need not search the log; empty for nobody."""
        if who:
            return Call(("HSET", self._paused_by, base, who), int)
        return Call(("HDEL", self._paused_by, base), int)

    def pausers(self) -> Call[dict[str, str]]:
        """Describe reading who paused which queue with this board."""

        def decode(reply: Any) -> dict[str, str]:
            pairs = reply.items() if isinstance(reply, dict) else zip(reply[::2], reply[1::2], strict=True)
            return {_text(base): _text(who) for base, who in pairs}

        return Call(("HGETALL", self._paused_by), decode, writes=False)

    def append(self, entry: Entry) -> Call[str]:
        """Describe adding one entry, atomically with its link to the one before."""
        plain = {name: redact_text(value) if name in SPOKEN else value for name, value in asdict(entry).items()}
        text = json.dumps({**plain, "ids": list(entry.ids[:MOST_IDS])}, ensure_ascii=True)
        return Call((self._key, self._longest, text), _text, script=load("append_audit"), keys=1)

    def read(
        self, after: str | None = None, count: int = 50, *, since_ms: int | None = None, until_ms: int | None = None
    ) -> Call[list[StoredEntry]]:
        """Describe reading ``count`` entries, newest first, older than the id ``after``, of a span of time."""
        newest = "+" if until_ms is None else str(until_ms)
        end = newest if after is None else f"({after}"
        start = "-" if since_ms is None else str(since_ms)
        return Call(("XREVRANGE", self._key, end, start, "COUNT", count), _entries, writes=False)

    def read_on(self, after: str | None = None, count: int = 1_000) -> Call[list[StoredEntry]]:
        """Describe reading ``count`` entries, oldest first, younger than the id ``after``."""
        start = "-" if after is None else f"({after}"
        return Call(("XRANGE", self._key, start, "+", "COUNT", count), _entries, writes=False)

    def one(self, entry_id: str) -> Call[StoredEntry | None]:
        """Describe reading one entry."""

        def first(reply: Any) -> StoredEntry | None:
            return next(iter(_entries(reply)), None)

        return Call(("XREVRANGE", self._key, entry_id, entry_id, "COUNT", 1), first, writes=False)

    def last_given(self) -> Call[str]:
        """Describe reading the id given last, whether or not that entry is still there."""
        return Call(("XINFO", "STREAM", self._key), _last_given, writes=False)

    def length(self) -> Call[int]:
        """Describe counting the entries."""
        return Call(("XLEN", self._key), int, writes=False)


def verify(newest_first: Sequence[StoredEntry]) -> str | None:
    """Check the chain of neighbouring entries. Return the id of the newest one that does not fit, or None.

    The oldest entry given is taken as it is where it does not hold the digest of the one before it.
    """
    for at, stored in enumerate(newest_first):
        older = newest_first[at + 1] if at + 1 < len(newest_first) else None
        if fault_of(stored, older):
            return stored.id
    return None


def fault_of(stored: StoredEntry, older: StoredEntry | None) -> str:
    """Say what is wrong with an entry, by itself or after the one before it; nothing when it is as it was written."""
    before = stored.before if stored.before is not None else older.chain if older else None
    if before is not None and digest(before, stored.text) != stored.chain:
        return "its text does not fit its digest: it was changed"
    if older is not None and stored.before is not None and stored.before != older.chain:
        return "it does not follow the one before: entries between were changed, taken out or put in"
    return ""


def digest(before: str, text: str) -> str:
    """Return the link of the chain for an entry, as the script computes it where it is added."""
    return hashlib.sha1((before + text).encode(), usedforsecurity=False).hexdigest()


_FIELDS = frozenset(field.name for field in fields(Entry))


def _entries(reply: Iterable[Any] | None) -> list[StoredEntry]:
    return [_entry(_text(item[0]), item[1]) for item in reply or ()]


def _entry(entry_id: str, fields: Any) -> StoredEntry:
    pairs = fields.items() if isinstance(fields, dict) else zip(fields[::2], fields[1::2], strict=True)
    texts = {_text(name): _text(value) for name, value in pairs}
    text = texts.get("entry", "")
    try:
        record = json.loads(text)
        known = {name: value for name, value in record.items() if name in _FIELDS}
        entry = Entry(**{**known, "ids": tuple(record["ids"])})
    except (ValueError, KeyError, TypeError):
        entry = None
    return StoredEntry(entry_id, entry, text, texts.get("chain", ""), texts.get("before"))


def _last_given(reply: Any) -> str:
    pairs = reply.items() if isinstance(reply, dict) else zip(reply[::2], reply[1::2], strict=True)
    return next((_text(value) for name, value in pairs if _text(name) == "last-generated-id"), "0-0")


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
