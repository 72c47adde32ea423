"""One field of a job, whole, or a stretch of its log: for those who open what is too large for its page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from board.engine.calls import Call
from board.engine.commands.script_call import script_call
from board.engine.keys import QueueKeys

__all__ = ["FieldReading", "LogReading", "read_field", "read_log_part"]


@dataclass(frozen=True, slots=True)
class FieldReading:
    """A field of a hash.

    Attributes:
        kind: type of the job's key: ``hash``, ``none``, or what it holds instead.
        name: of the job, its first 300 bytes; None when the hash has none.
        length: bytes of the field.
        text: None when it is absent, or longer than was asked for.
    """

    kind: str
    name: str | None
    length: int
    text: str | None


@dataclass(frozen=True, slots=True)
class LogReading:
    """A stretch of a log.

    Attributes:
        kind: type of the job's key.
        name: of the job.
        total: lines altogether.
        start: place of the first line read.
        lines: those read, long ones cut.
    """

    kind: str
    name: str | None
    total: int
    start: int
    lines: tuple[str, ...]


def read_log_part(
    queue: QueueKeys, job_id: str, *, start: int | None, count: int, line_bytes: int = 8_192, budget: int = 1_048_576
) -> Call[LogReading]:
    """Read at most ``count`` lines from ``start`` on, and no more than ``budget`` bytes.

    Without ``start``, and from one beyond the end, the last lines are read, and the newest are never left out.
    """

    def decode(reply: Any) -> LogReading:
        kind, name, total, first, lines = reply
        read = tuple(_text(line) or "" for line in lines)
        return LogReading(_text(kind) or "", _text(name), int(total), int(first), read)

    wanted = -1 if start is None else max(0, start)
    arguments = (job_id, wanted, count, line_bytes, budget)
    return script_call("read_log_part", (queue.base,), arguments, decode, writes=False)


def read_field(queue: QueueKeys, job_id: str, field: str, *, most: int) -> Call[FieldReading]:
    """Read a field of a job, if it has no more than ``most`` bytes."""

    def decode(reply: Any) -> FieldReading:
        kind, name, length, value = reply
        return FieldReading(_text(kind) or "", _text(name), int(length), _text(value))

    return script_call("read_field", (queue.job(job_id),), (field, most), decode, writes=False)


def _text(value: Any) -> str | None:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
