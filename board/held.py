"""Job schedulers that a person holds back: their records in the board's own key, until they are put back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from board.engine.calls import Call
from board.engine.errors import EngineError
from board.engine.keys import QueueKeys
from board.namespace import Namespace

__all__ = ["Held", "held_call", "held_field", "read_held"]


@dataclass(frozen=True, slots=True)
class Held:
    """A scheduler that the board took out of its queue, to be put back.

    Attributes:
        queue: where it was.
        id: its id.
        fields: its record, as it was stored.
        at_ms: when.
        by: who did it.
    """

    queue: QueueKeys
    id: str
    fields: dict[str, str]
    at_ms: int
    by: str

    def written(self) -> str:
        """Write it for the board's own key."""
        place = {"prefix": self.queue.prefix, "queue": self.queue.name, "id": self.id}
        return json.dumps(place | {"fields": self.fields, "at": self.at_ms, "by": self.by})


def held_call(namespace: Namespace) -> Call[list[Held]]:
    """Describe the read of all that is held back; at most some hundred, see ``board.actions.schedulers``."""

    def decode(reply: Any) -> list[Held]:
        return [held for one in reply or () if (held := read_held(one)) is not None]

    return Call(("HVALS", namespace.held_schedulers), decode, writes=False)


def read_held(text: Any) -> Held | None:
    """Read one entry of the board's own key; None for nonsense."""
    try:
        record = json.loads(text)
        fields = {str(name): str(value) for name, value in record["fields"].items()}
        queue = QueueKeys(record["prefix"], record["queue"])
        return Held(queue, str(record["id"]), fields, int(record["at"]), str(record["by"]))
    except (ValueError, TypeError, KeyError, AttributeError, EngineError):
        return None


def held_field(queue: QueueKeys, scheduler_id: str) -> str:
    """Spell a scheduler in the board's own key."""
    return f"{queue.base}{scheduler_id}"
