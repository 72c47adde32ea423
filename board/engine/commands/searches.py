"""Reads for whoever looks for jobs: many of one state a step, no more of each than is asked for, bounded in bytes.

What decides whether a job is one of those looked for is not here: the caller does, and goes on from ``Candidates.last``
as long as it likes. Nothing is written, and one broken job never fails a step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from board.engine.calls import Call
from board.engine.codec import text
from board.engine.commands.pages import PAGE_STATES, Order
from board.engine.commands.readings import Cursor
from board.engine.commands.script_call import script_call
from board.engine.errors import UsageError
from board.engine.keys import QueueKeys

__all__ = ["CANDIDATE_FIELDS", "Candidate", "Candidates", "read_candidates"]

STEP_BYTES = 2_097_152
"""What one step makes the server copy: some milliseconds."""

LONGEST = 262_144
"""Longer data, results and traces are not looked into."""

_LONG = frozenset({"data", "returnvalue", "failedReason", "trace"})
_SHORT = frozenset(
    {"timestamp", "processedOn", "finishedOn", "atm", "attemptsMade", "priority", "pb", "delay", "opts", "rjk"}
)
CANDIDATE_FIELDS = _LONG | _SHORT | {"error"}
"""What may be asked for of a job beside its name, under the names of the wire; ``error`` is the class of its newest
error, ``trace`` all its stack traces as they are stored."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A job as a step reads it.

    Attributes:
        id: job id.
        score: of its sorted set, as text; None in a list.
        kind: ``hash``; ``none`` when only its id is left; ``marker`` for what is listed and no job; else the type the
            key has instead.
        fields: what was asked for and is there.
        too_long: names of texts that are there and too long to be read.
    """

    id: str
    score: str | None
    kind: str
    fields: Mapping[str, str] = field(default_factory=dict)
    too_long: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidates:
    """One step.

    Attributes:
        total: jobs in this state.
        start: how many of them come before the first of this step.
        jobs: in the order asked for.
        last: where the next step begins; None when this was the last.
    """

    total: int
    start: int
    jobs: tuple[Candidate, ...]
    last: Cursor | None


def read_candidates(
    queue: QueueKeys,
    state: str,
    *,
    order: Order,
    count: int,
    fields: Iterable[str] = (),
    after: Cursor | None = None,
    longest: int = LONGEST,
    step_bytes: int = STEP_BYTES,
) -> Call[Candidates]:
    """Read at most ``count`` jobs of a state; fewer when ``step_bytes`` are reached, but at least one.

    Args:
        queue: the queue.
        state: wire name, or ``paused`` for release 5's list.
        order: newest or oldest first.
        count: most jobs.
        fields: of ``CANDIDATE_FIELDS``.
        after: where the step before ended.
        longest: bytes of the longest text that is read.
        step_bytes: bytes after which the step ends.

    Raises:
        UsageError: no such state or field.
    """
    wanted = sorted(set(fields))
    if state not in PAGE_STATES:
        raise UsageError(f"{state!r} is not a state of jobs")
    if unknown := [name for name in wanted if name not in CANDIDATE_FIELDS]:
        raise UsageError(f"jobs are not searched by {unknown[0]!r}")

    def decode(reply: Any) -> Candidates:
        named = {text(name): value for name, value in zip(reply[::2], reply[1::2], strict=True)}
        last = named["last"]
        return Candidates(
            total=int(named["total"]),
            start=int(named["start"]),
            jobs=tuple(_candidate(one) for one in named["jobs"]),
            last=Cursor(_loose(last[0]), _loose(last[1])) if named["more"] else None,
        )

    place = (after.score, after.member) if after else ("", "")
    args = (state, order, *place, count, ",".join(wanted), longest, step_bytes)
    return script_call("read_candidates", (queue.base,), args, decode, writes=False)


def _candidate(flat: Any) -> Candidate:
    fields: dict[str, str] = {}
    too_long: list[str] = []
    for raw_name, value in zip(flat[3::2], flat[4::2], strict=True):
        name = text(raw_name)
        if isinstance(value, list):
            if value[0] is not None:
                fields[name] = _loose(value[0])
            elif value[1]:
                too_long.append(name)
        elif value is not None:
            fields[name] = _loose(value)
    return Candidate(
        _loose(flat[0]), None if flat[1] is None else _loose(flat[1]), _loose(flat[2]), fields, tuple(too_long)
    )


def _loose(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
