"""A job as a filter looks at it, and which of its fields a filter needs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from board.engine.commands.pages import whole_number
from board.engine.commands.searches import Candidate
from board.queries.payload import parse
from board.queries.search.tree import Filter
from board.redaction import redact_text

__all__ = ["MISSING", "TEXT_CHARACTERS", "Subject", "fields_of", "subject_of"]

TEXT_CHARACTERS = 2_048
"""Characters of the data that a word without a field is looked for in."""

MISSING: Any = object()
"""Stands for JSON that is not there or cannot be read."""

_NEEDS = {
    "text": ("failedReason", "error", "data"),
    "error": ("failedReason", "error"),
    "class": ("failedReason", "error"),
    "worker": ("pb",),
    "attempts": ("atm", "attemptsMade"),
    "priority": ("priority",),
    "ran": ("processedOn", "finishedOn"),
    "added": ("timestamp",),
    "started": ("processedOn",),
    "finished": ("finishedOn",),
    "failed": ("finishedOn",),
    "completed": ("finishedOn",),
    "data": ("data",),
    "returned": ("returnvalue",),
}
CARRIED = frozenset({"data", "returnvalue", "failedReason"})
"""What a job carries: not looked into for people who may only see that it is there."""


def fields_of(wish: Filter, *, shows_data: bool = True) -> frozenset[str]:
    """Return what has to be read of a job to decide."""
    needed = {name for term in wish.terms for name in _NEEDS.get(term.field, ())}
    return frozenset(needed if shows_data else needed - CARRIED)


@dataclass(frozen=True)
class Subject:
    """One job.

    Attributes:
        id: job id.
        state: where it is; ``paused`` counts as waiting.
        name: of the job.
        added_ms: creation.
        started_ms: latest start.
        finished_ms: end.
        attempts: attempts that ended and counted; None of a job without hash.
        priority: 0 for none; None of a job without hash.
        worker: who took it last.
        error_class: class of its newest error.
        reason: message of its newest failure.
        data: payload as stored; None where it is not there or was not read.
        returned: result as stored.
    """

    id: str
    state: str
    name: str | None = None
    added_ms: int | None = None
    started_ms: int | None = None
    finished_ms: int | None = None
    attempts: int | None = None
    priority: int | None = None
    worker: str | None = None
    error_class: str | None = None
    reason: str | None = None
    data: str | None = None
    returned: str | None = None

    @cached_property
    def data_value(self) -> Any:
        """The payload, read; MISSING when it is not JSON."""
        return _read(self.data)

    @cached_property
    def returned_value(self) -> Any:
        """The result, read."""
        return _read(self.returned)

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Where a word without a field is looked for, in lower case, secrets hidden."""
        data = None if self.data is None else redact_text(self.data[: TEXT_CHARACTERS * 2])[:TEXT_CHARACTERS]
        found = (self.id, self.name, self.error_class, self.reason, data)
        return tuple(one.lower() for one in found if one)

    @cached_property
    def error_text(self) -> str:
        """Class and message of its newest failure, in lower case."""
        return ": ".join(one for one in (self.error_class, self.reason) if one).lower()


def subject_of(job: Candidate, state: str) -> Subject:
    """Make a job ready to be looked at; nothing in it may break that."""
    fields = job.fields
    if job.kind != "hash":
        return Subject(job.id, "waiting" if state == "paused" else state)
    return Subject(
        id=job.id,
        state="waiting" if state == "paused" else state,
        name=fields.get("name"),
        added_ms=whole_number(fields.get("timestamp")),
        started_ms=whole_number(fields.get("processedOn")),
        finished_ms=whole_number(fields.get("finishedOn")),
        attempts=whole_number(fields.get("atm", fields.get("attemptsMade"))) or 0,
        priority=whole_number(fields.get("priority")) or 0,
        worker=fields.get("pb"),
        error_class=fields.get("error"),
        reason=redact_text(fields.get("failedReason") or "") or None,
        data=fields.get("data"),
        returned=fields.get("returnvalue"),
    )


def _read(text: str | None) -> Any:
    if text is None:
        return MISSING
    try:
        return parse(text)
    except ValueError:
        return MISSING
