"""What a server of Redis says of itself, for the page that has the production checklist."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from board.engine.calls import Batch, Call
from board.engine.errors import EngineError
from board.facts import info_fields
from board.queries.shared import Reads

__all__ = ["ServerFacts", "read_server"]


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """The server at one moment; None where it did not say.

    Attributes:
        product: ``Redis`` or ``Valkey``, with its version.
        mode: ``standalone``, ``sentinel`` or ``cluster``.
        up_ms: how long it runs.
        is_replica: it follows another server.
        replicas: servers that follow it.
        clients: connections.
        most_clients: most that it takes.
        blocked: connections that wait for something, as idle workers do.
        memory_bytes: in use.
        most_bytes: the limit; None without one.
        peak_bytes: most that was ever in use.
        commands: a second, just now.
        keys: in the database looked at and all others.
    """

    product: str
    mode: str
    up_ms: int | None
    is_replica: bool
    replicas: int | None
    clients: int | None
    most_clients: int | None
    blocked: int | None
    memory_bytes: int | None
    most_bytes: int | None
    peak_bytes: int | None
    commands: int | None
    keys: int


def read_server(connection: Reads) -> ServerFacts | None:
    """Ask the server, in one round trip; None when it may not be asked or does not answer."""
    call: Call[dict[str, str]] = Call(("INFO",), info_fields, writes=False)
    try:
        (found,) = connection.batch(Batch.of([call]))
    except EngineError:
        return None
    return _facts(found)


def _facts(info: Mapping[str, str]) -> ServerFacts:
    version = info.get("valkey_version") or info.get("redis_version", "")
    up = _number(info, "uptime_in_seconds")
    return ServerFacts(
        product=f"{'Valkey' if 'valkey_version' in info else 'Redis'} {version}".strip(),
        mode=info.get("server_mode") or info.get("redis_mode", ""),
        up_ms=None if up is None else up * 1_000,
        is_replica=info.get("role") == "slave",
        replicas=_number(info, "connected_slaves"),
        clients=_number(info, "connected_clients"),
        most_clients=_number(info, "maxclients"),
        blocked=_number(info, "blocked_clients"),
        memory_bytes=_number(info, "used_memory"),
        most_bytes=_number(info, "maxmemory") or None,
        peak_bytes=_number(info, "used_memory_peak"),
        commands=_number(info, "instantaneous_ops_per_sec"),
        keys=sum(_keys(value) for name, value in info.items() if name.startswith("db") and name[2:].isdecimal()),
    )


def _keys(line: str) -> int:
    """Read how many keys a line such as ``keys=12,expires=3,avg_ttl=0`` tells of."""
    text = line.partition("keys=")[2].partition(",")[0]
    return int(text) if text.isdecimal() else 0


def _number(info: Mapping[str, str], name: str) -> int | None:
    text = info.get(name, "")
    return int(text) if text.isdecimal() else None
