"""The events stream: read it from an id on, publish events of one's own."""

from __future__ import annotations

import contextlib
import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from board.engine.calls import Call
from board.engine.codec import flatten, load_json, pack, pairs, text
from board.engine.commands.script_call import script_call
from board.engine.errors import InvalidOptionError
from board.engine.keys import QueueKeys
from board.engine.types import JsonValue

__all__ = ["Event", "RecentEnds", "check_event_id", "last_event_id", "publish_event", "read_events", "read_events_of"]

OWN_EVENTS = frozenset(
    (
        *("added", "waiting", "delayed", "active", "completed", "failed", "retries-exhausted", "waiting-children"),
        *("progress", "stalled", "removed", "duplicated", "deduplicated", "debounced", "drained", "paused", "resumed"),
        "cleaned",
    )
)
"""The names of the events that BullMQ writes itself."""

MOST_RECENT = 256
LONGEST_RECENT = 65_536

_EVENT_ID = re.compile(r"\$|[0-9]{1,20}(-[0-9]{1,20})?")

_JSON_FIELDS = {"progress": "data", "completed": "returnvalue"}


@dataclass(frozen=True, slots=True)
class Event:
    """An entry of a queue's events stream.

    Attributes:
        id: id of the entry; read on from here.
        name: `added`, `completed`, … or a name of one's own.
        fields: its fields as they are stored.
    """

    id: str
    name: str
    fields: Mapping[str, str]

    @property
    def job_id(self) -> str | None:
        """The job it is about, if any."""
        return self.fields.get("jobId")

    @property
    def values(self) -> Mapping[str, JsonValue]:
        """The fields, decoded where they are JSON (`progress.data`, `completed.returnvalue`) or a number (`delay`)."""
        values: dict[str, JsonValue] = dict(self.fields)
        field = _JSON_FIELDS.get(self.name)
        if field in values and field is not None:
            with contextlib.suppress(ValueError):
                values[field] = load_json(values[field])
        if self.name == "delayed" and str(values.get("delay", "")).isdecimal():
            values["delay"] = int(values["delay"])
        return values


class RecentEnds:
    """The latest ends of jobs: one that is removed as it ends may have ended before anybody waits for it.

    Keeps 256 of them, and only results of up to 65,536 characters: 16 MB at most.
    """

    __slots__ = ("_events",)

    def __init__(self) -> None:
        self._events: OrderedDict[str, Event] = OrderedDict()

    def remember(self, job_id: str, event: Event) -> None:
        """Keep the end of a job, and forget the oldest when there are too many."""
        if sum(map(len, event.fields.values())) > LONGEST_RECENT:
            return
        self._events[job_id] = event
        self._events.move_to_end(job_id)
        while len(self._events) > MOST_RECENT:
            self._events.popitem(last=False)

    def get(self, job_id: str) -> Event | None:
        """Return how a job ended, if that is remembered."""
        return self._events.get(job_id)


def read_events(
    queue: QueueKeys, last_id: str = "$", *, block_ms: int | None = None, count: int | None = None
) -> Call[list[Event]]:
    """Read the events after ``last_id`` ("$" for those from now on); with ``block_ms`` wait for the first one.

    A blocking read needs a connection of its own and comes back empty after the timeout.
    """
    argv: list[str | int] = ["XREAD"]
    if count is not None:
        argv += ["COUNT", count]
    if block_ms is not None:
        argv += ["BLOCK", block_ms]
    argv += ["STREAMS", queue.key("events"), last_id]
    return Call(tuple(argv), _decode, writes=False, block_ms=block_ms)


def read_events_of(positions: Sequence[tuple[QueueKeys, str]], *, count: int) -> Call[dict[QueueKeys, list[Event]]]:
    """Read at most ``count`` events of each queue after the id given for it, without waiting; one cluster slot.

    Queues without news are left out of the answer.
    """
    keys = [queue.key("events") for queue, _ in positions]
    argv: tuple[str | int, ...] = ("XREAD", "COUNT", count, "STREAMS", *keys, *(after for _, after in positions))
    queues = {queue.key("events"): queue for queue, _ in positions}

    def decode(reply: Any) -> dict[QueueKeys, list[Event]]:
        streams = reply.items() if isinstance(reply, Mapping) else reply or ()
        return {queues[text(key)]: _events(entries) for key, entries in streams}

    return Call(argv, decode, writes=False)


def last_event_id(queue: QueueKeys) -> Call[str]:
    """Read the id of the newest event, `0-0` when there is none: where to read on for what happens from now on."""

    def decode(reply: Any) -> str:
        return text(reply[0][0]) if reply else "0-0"

    return Call(("XREVRANGE", queue.key("events"), "+", "-", "COUNT", 1), decode, writes=False)


def check_event_id(event_id: object) -> str:
    """Return the id of an event to read on from.

    Raises:
        InvalidOptionError: it is no id of a stream, and not ``$``.
    """
    if not isinstance(event_id, str) or not _EVENT_ID.fullmatch(event_id):
        raise InvalidOptionError(
            "last_event_id", f"last_event_id must be $ or the id of an event, such as 1767225600000-0, not {event_id!r}"
        )
    return event_id


def publish_event(queue: QueueKeys, name: str, fields: Mapping[str, str], *, max_length: int = 10_000) -> Call[str]:
    """Append an event of one's own and return its id; the stream is cut to about ``max_length``.

    Raises:
        InvalidOptionError: a name that is empty or one of BullMQ's own, or fields that are not text by text.
    """
    _check(name, fields)
    packed = pack(["event", name, *flatten(fields)])
    return script_call("publish_event", (queue.key("events"),), (max_length, packed), text)


def _check(name: object, fields: Mapping[Any, Any]) -> None:
    if not isinstance(name, str) or not name:
        raise InvalidOptionError("name", f"the name of an event must be text that is not empty, not {name!r}")
    if name in OWN_EVENTS:
        raise InvalidOptionError("name", f"the event {name!r} is the queue's own: readers would take it for that")
    for field, value in fields.items():
        if not isinstance(field, str) or not isinstance(value, str) or field in ("", "event"):
            raise InvalidOptionError(
                "fields", f"the fields of an event are text by text, and none is called event; not {field!r}: {value!r}"
            )


def _decode(reply: Any) -> list[Event]:
    if not reply:
        return []
    streams = list(reply.items()) if isinstance(reply, Mapping) else reply
    return _events(streams[0][1])


def _events(entries: Iterable[Any]) -> list[Event]:
    entries = list(entries)
    while entries and isinstance(entries[0], list | tuple) and entries[0] and isinstance(entries[0][0], list | tuple):
        entries = entries[0]
    events = []
    for entry_id, flat in entries:
        fields = dict(pairs(flat))
        events.append(Event(text(entry_id), fields.pop("event", ""), fields))
    return events
