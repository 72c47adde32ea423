"""What the sidebar says about Redis: version, memory, how fast it answers."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from board.engine.calls import Batch, Call
from board.engine.connection.sync import Connection

__all__ = ["ConnectionFacts", "read_facts"]


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """The values of the latest look; None where Redis did not say.

    Attributes:
        host: what people call this Redis.
        product: `Redis` or `Valkey`.
        version: of the server; Valkey's own where it tells one.
        memory_bytes: in use.
        memory_max_bytes: the limit, None without one.
        latency_ms: of one round trip.
    """

    host: str
    product: str
    version: str | None
    memory_bytes: int | None
    memory_max_bytes: int | None
    latency_ms: float | None


def read_facts(connection: Connection, host: str) -> ConnectionFacts:
    """Ask Redis, in one round trip.

    Raises:
        StoreError: it does not answer, or the ACL user may not ask.
    """
    calls: list[Call[dict[str, str]]] = [
        Call(("INFO", section), info_fields, writes=False) for section in ("server", "memory")
    ]
    started = time.perf_counter()
    server, memory = connection.batch(Batch.of(calls))
    latency_ms = (time.perf_counter() - started) * 1000
    limit = _number(memory.get("maxmemory"))
    return ConnectionFacts(
        host=host,
        product="Valkey" if "valkey_version" in server else "Redis",
        version=server.get("valkey_version") or server.get("redis_version"),
        memory_bytes=_number(memory.get("used_memory")),
        memory_max_bytes=limit or None,
        latency_ms=round(latency_ms, 1),
    )


def info_fields(reply: Any) -> dict[str, str]:
    """Read the reply of INFO, as text or as redis-py parses it."""
    if isinstance(reply, dict):
        return {_text(name): _text(value) for name, value in reply.items()}
    lines = (line.partition(":") for line in _text(reply).splitlines() if ":" in line and not line.startswith("#"))
    return {name: value for name, _, value in lines}


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _number(value: str | None) -> int | None:
    return int(value) if value is not None and value.isdecimal() else None
