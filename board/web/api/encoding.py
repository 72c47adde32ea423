"""Values as JSON: dataclasses by their fields, and JSON of jobs to the last digit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any

from board.queries.payload import Number, Pairs, Payload

__all__ = ["Raw", "encode", "raw_of"]


@dataclass(frozen=True, slots=True)
class Raw:
    """JSON that goes out as it stands."""

    text: str


def encode(value: Any) -> str:
    """Return ``value`` as JSON, in ASCII."""
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, Number):
        return value.text
    if isinstance(value, Pairs):
        return "{" + ",".join(f"{json.dumps(name)}:{encode(each)}" for name, each in value) + "}"
    if isinstance(value, Enum):
        return json.dumps(value.value)
    if is_dataclass(value) and not isinstance(value, type):
        return encode({field.name: getattr(value, field.name) for field in fields(value)})
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(str(name))}:{encode(each)}" for name, each in value.items()) + "}"
    if isinstance(value, frozenset):
        return encode(sorted(value))
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(encode, value)) + "]"
    return json.dumps(value, allow_nan=False)


def raw_of(payload: Payload | None) -> Raw | None:
    """Return what a job carries as JSON; None when it is cut, or not JSON."""
    if payload is None or payload.truncated or not payload.valid or not payload.text:
        return None
    try:
        json.loads(payload.text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return Raw(payload.text)


def _refuse(text: str) -> Any:
    raise ValueError(text)
