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
import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any

from board.engine.calls import Call
from board.engine.scripts.loader import Header, Script
from board.namespace import Namespace

__all__ = ["MOST_IDS", "Audit", "Entry", "StoredEntry", "verify"]

MOST_IDS = 100
"""Job ids an entry keeps; as many as one action may name."""

_SOURCE = (files("board") / "audit.lua").read_text(encoding="utf-8")
_APPEND = Script(
    name="append_audit",
    source=_SOURCE,
    sha=hashlib.sha1(_SOURCE.encode(), usedforsecurity=False).hexdigest(),
    header=Header(
        title="add one entry to the audit log and chain it to the one before.",
        keys=("audit stream",),
        args=("longest", "entry"),
        returns="id of the entry",
        events="none",
        cost="O(1), plus the stream's trimming",
        derived="",
    ),
)


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
    """

    id: str
    entry: Entry | None
    text: str
    chain: str


class Audit:
    """Describe writing to and reading from the log; the caller sends the calls."""

    def __init__(self, namespace: Namespace, longest: int) -> None:
        """Keep about ``longest`` entries."""
        self._key = namespace.audit
        self._longest = longest

    def append(self, entry: Entry) -> Call[str]:
        """Describe adding one entry, atomically with its link to the one before."""
        text = json.dumps({**asdict(entry), "ids": list(entry.ids[:MOST_IDS])}, ensure_ascii=True)
        return Call((self._key, self._longest, text), _text, script=_APPEND, keys=1)

    def read(self, after: str | None = None, count: int = 50) -> Call[list[StoredEntry]]:
        """Describe reading ``count`` entries, newest first, older than the id ``after``."""
        end = "+" if after is None else f"({after}"
        return Call(("XREVRANGE", self._key, end, "-", "COUNT", count), _entries, writes=False)

    def length(self) -> Call[int]:
        """Describe counting the entries."""
        return Call(("XLEN", self._key), int, writes=False)


def verify(newest_first: Sequence[StoredEntry]) -> str | None:
    """Check the chain of neighbouring entries. Return the id of the newest one that does not fit, or None.

    The oldest entry given is taken as it is: what came before it was trimmed or not read.
    """
    for newer, older in itertools.pairwise(newest_first):
        if hashlib.sha1((older.chain + newer.text).encode(), usedforsecurity=False).hexdigest() != newer.chain:
            return newer.id
    return None


def _entries(reply: Iterable[Any] | None) -> list[StoredEntry]:
    return [_entry(_text(item[0]), item[1]) for item in reply or ()]


def _entry(entry_id: str, fields: Any) -> StoredEntry:
    pairs = fields.items() if isinstance(fields, dict) else zip(fields[::2], fields[1::2], strict=True)
    texts = {_text(name): _text(value) for name, value in pairs}
    text = texts.get("entry", "")
    try:
        record = json.loads(text)
        entry = Entry(**{**record, "ids": tuple(record["ids"])})
    except (ValueError, KeyError, TypeError):
        entry = None
    return StoredEntry(entry_id, entry, text, texts.get("chain", ""))


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
