"""Who is connected to a server, and which jobs workers hold: what a page of workers reads."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from board.engine.calls import Call
from board.engine.codec import text
from board.engine.commands.pages import whole_number
from board.engine.commands.script_call import script_call
from board.engine.keys import QueueKeys

__all__ = ["ActiveReading", "ActivesReading", "Client", "list_clients", "read_active"]

_FIELD = re.compile(r"([\w-]+)=(\S*)")


@dataclass(frozen=True, slots=True)
class Client:
    """A connection that has a name.

    Attributes:
        name: as it was set.
        address: host and port it comes from.
        age_s: how long it has been connected.
        idle_s: how long it has sent nothing.
        command: its latest command, lower case.
        library: name of its client library, where that tells it.
        library_version: of that library.
    """

    name: str
    address: str
    age_s: int
    idle_s: int
    command: str
    library: str
    library_version: str


@dataclass(frozen=True, slots=True)
class ActiveReading:
    """A job that is active; ``lock_ms`` is negative without a lock."""

    queue: QueueKeys
    id: str
    name: str | None
    processed_at_ms: int | None
    worker: str | None
    attempts_started: int
    lock_ms: int


@dataclass(frozen=True, slots=True)
class ActivesReading:
    """Active jobs of some queues, how many each has, and the keys that could not be read."""

    jobs: tuple[ActiveReading, ...]
    counts: Mapping[QueueKeys, int]
    problems: tuple[str, ...]


def list_clients() -> Call[tuple[Client, ...]]:
    """Read all connections of the server that have a name; of a cluster those of one node."""

    def decode(reply: Any) -> tuple[Client, ...]:
        if isinstance(reply, list):  # redis-py may have parsed it into dictionaries
            found = [{text(key): text(value) for key, value in one.items()} for one in reply]
        else:
            found = [dict(_FIELD.findall(line)) for line in text(reply).split("\n") if " name=" in line]
        return tuple(_client(one) for one in found if one.get("name"))

    return Call(("CLIENT", "LIST"), decode, writes=False)


def read_active(queues: Sequence[QueueKeys], *, limit: int = 500, each: int = 100) -> Call[ActivesReading]:
    """Read the active jobs of some queues, whose keys must lie in one cluster slot if there is a cluster.

    Args:
        queues: those looked at.
        limit: most jobs altogether.
        each: most jobs of one queue; those taken first.
    """

    def decode(reply: Any) -> ActivesReading:
        rows, counts, problems = reply
        return ActivesReading(
            tuple(_job(queues, one) for one in rows),
            {queue: int(count) for queue, count in zip(queues, counts, strict=True)},
            tuple(text(one) for one in problems),
        )

    return script_call("read_active", tuple(queue.base for queue in queues), (limit, each), decode, writes=False)


def _client(fields: Mapping[str, str]) -> Client:
    return Client(
        name=fields["name"],
        address=fields.get("addr", ""),
        age_s=whole_number(fields.get("age")) or 0,
        idle_s=whole_number(fields.get("idle")) or 0,
        command=fields.get("cmd", "").lower(),
        library=fields.get("lib-name", ""),
        library_version=fields.get("lib-ver", ""),
    )


def _job(queues: Sequence[QueueKeys], row: Any) -> ActiveReading:
    at, job_id, name, processed, worker, started, lock_ms = row
    return ActiveReading(
        queue=queues[int(at) - 1],
        id=text(job_id),
        name=_optional(name),
        processed_at_ms=whole_number(_optional(processed)),
        worker=_optional(worker),
        attempts_started=whole_number(_optional(started)) or 0,
        lock_ms=int(lock_ms),
    )


def _optional(value: Any) -> str | None:
    return None if value is None or value is False else text(value)
