"""One field of a job, whole: for those who open a large payload, part by part, or take it away as a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from board.engine.calls import Call
from board.engine.commands.script_call import script_call
from board.engine.keys import QueueKeys

__all__ = ["FieldReading", "read_field"]


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


def read_field(queue: QueueKeys, job_id: str, field: str, *, most: int) -> Call[FieldReading]:
    """Read a field of a job, if it has no more than ``most`` bytes."""

    def decode(reply: Any) -> FieldReading:
        kind, name, length, value = reply
        return FieldReading(_text(kind) or "", _text(name), int(length), _text(value))

    return script_call("read_field", (queue.job(job_id),), (field, most), decode, writes=False)


def _text(value: Any) -> str | None:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
